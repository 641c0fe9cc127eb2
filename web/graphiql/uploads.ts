import {
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from "graphql";
import { Store } from "../src/api/store";

const PREFIX = "file:";
const ALL = "file:*";

/** The files that were picked, each name once. */
export const picked = new Store<readonly File[]>([]);

/** Adds files; one that has the name of another takes its place. */
export function pick(added: Iterable<File>): void {
  const all = new Map([...picked.get(), ...added].map((file) => [file.name, file]));
  picked.set([...all.values()]);
}

export function unpick(file: File): void {
  picked.set(picked.get().filter((other) => other !== file));
}

/** Variables with null where files belong, and for each file the places where it does. */
export interface Upload {
  variables: Record<string, unknown>;
  places: Map<File, string[]>;
}

/** The variables name a file that was not picked; the message says what to do. */
export class FileMissing extends Error {
  override name = "FileMissing";
}

/**
 * Takes the picked files that the variables name: "file:NAME" where the schema has an Upload, and
 * "file:*", in a list of them, for all. Null where none is named. Throws FileMissing.
 */
export function uploadOf(
  variables: Record<string, unknown>,
  operation: OperationDefinitionNode,
  schema: GraphQLSchema,
  files: readonly File[],
): Upload | null {
  const places: Upload["places"] = new Map();
  const filled = { ...variables };
  for (const { variable, type: node } of operation.variableDefinitions ?? []) {
    const name = variable.name.value;
    const type = typeFromAST(schema, node as Parameters<typeof typeFromAST>[1]);
    if (!isInputType(type) || !(name in filled)) continue;
    filled[name] = place(filled[name], type, `variables.${name}`);
  }
  return places.size > 0 ? { variables: filled, places } : null;

  function place(value: unknown, type: GraphQLInputType, path: string): unknown {
    if (value === null || value === undefined) return value;
    if (isNonNullType(type)) return place(value, type.ofType, path);
    if (isListType(type)) {
      const items = isUpload(type) ? namedIn(value, files) : value;
      if (!Array.isArray(items)) return place(items, type.ofType, path);
      return items.map((item, index) => place(item, type.ofType, `${path}.${index}`));
    }
    if (isInputObjectType(type)) {
      if (typeof value !== "object") return value;
      const fields = type.getFields();
      const entries = Object.entries(value).map(([name, inner]) => {
        const field = fields[name];
        return [name, field ? place(inner, field.type, `${path}.${name}`) : inner];
      });
      return Object.fromEntries(entries);
    }
    if (!isUpload(type) || typeof value !== "string" || !value.startsWith(PREFIX)) return value;
    const file = fileOf(value.slice(PREFIX.length), files);
    places.set(file, [...(places.get(file) ?? []), path]);
    return null;
  }
}

function isUpload(type: GraphQLInputType): boolean {
  return getNamedType(type).name === "Upload";
}

function namedIn(value: unknown, files: readonly File[]): unknown {
  const items = Array.isArray(value) ? value : [value];
  if (!items.includes(ALL)) return value;
  if (files.length === 0) {
    throw new FileMissing("No file was picked. Do so in Files, in the bar at the left.");
  }
  return items.flatMap((item) => (item === ALL ? files.map(({ name }) => PREFIX + name) : [item]));
}

function fileOf(name: string, files: readonly File[]): File {
  const file = files.find((other) => other.name === name);
  if (file) return file;
  throw new FileMissing(`No file "${name}" was picked. Do so in Files, in the bar at the left.`);
}
