import { type FormattedExecutionResult, Kind, type OperationDefinitionNode } from "graphql";

export interface Resumption {
  /** Under which name the stream's events come. */
  key: string;
  /** The variable that says behind which revision to begin. */
  variable: string;
}

/** How a stream of segmentationUpdated is resumed; null for others, which begin with the state. */
export function resumption({ selectionSet }: OperationDefinitionNode): Resumption | null {
  for (const field of selectionSet.selections) {
    if (field.kind !== Kind.FIELD || field.name.value !== "segmentationUpdated") continue;
    const after = field.arguments?.find(({ name }) => name.value === "after")?.value;
    if (after?.kind !== Kind.VARIABLE) continue;
    return { key: (field.alias ?? field.name).value, variable: after.name.value };
  }
  return null;
}

/** The revision that an event bears, under the name that the stream has. */
export function revisionIn({ data }: FormattedExecutionResult, key: string): number | undefined {
  const event = data?.[key] as { revision?: unknown } | null | undefined;
  return typeof event?.revision === "number" ? event.revision : undefined;
}
