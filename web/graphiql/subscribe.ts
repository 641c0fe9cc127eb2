import { type FormattedExecutionResult, Kind, type OperationDefinitionNode } from "graphql";
import { Observable } from "rxjs";
import { session } from "../src/api/session";
import { CREDENTIALS_REFUSED, makeSocket } from "../src/api/socket";
import type { Credentials } from "./credentials";
import { failure, type Request } from "./http";

const LOST = "There is no connection to the hub. It is tried again and again.";

/**
 * Subscribes on a socket of its own, since its credentials are its own.
 *
 * A lost connection comes back by itself, and segmentationUpdated goes on behind the last revision.
 * Whatever ends the subscription is a result in words.
 */
export function subscribe(
  request: Request,
  operation: OperationDefinitionNode,
  credentials: Credentials,
): Observable<FormattedExecutionResult> {
  return new Observable((subscriber) => {
    const payload = { ...request, variables: { ...request.variables } };
    const resume = resumption(operation);
    let latest: FormattedExecutionResult = {};
    let refusals = 0;
    const socket = makeSocket({
      authorization: credentials.authorization,
      opened: () => {
        refusals = 0;
        if (latest.data) subscriber.next(latest);
      },
      closed: ({ code }) => {
        refusals = code === CREDENTIALS_REFUSED ? refusals + 1 : 0;
        if (refusals > 0) return;
        subscriber.next({ ...latest, extensions: { ...latest.extensions, connection: LOST } });
      },
      // The first refusal may be of a token that was renewed meanwhile.
      shouldRetry: () =>
        refusals === 0 || (refusals === 1 && !credentials.typed && session.get() !== null),
    });
    const end = socket.subscribe(payload, {
      next(result) {
        latest = result as FormattedExecutionResult;
        const revision = resume ? revisionIn(latest, resume.key) : undefined;
        if (resume && revision !== undefined) payload.variables[resume.variable] = revision;
        subscriber.next(latest);
      },
      error(reason) {
        subscriber.next(endingOf(reason, credentials));
        subscriber.complete();
      },
      complete: () => subscriber.complete(),
    });
    return () => {
      end();
      void socket.dispose();
    };
  });
}

interface Resumption {
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

function revisionIn({ data }: FormattedExecutionResult, key: string): number | undefined {
  const event = data?.[key] as { revision?: unknown } | null | undefined;
  return typeof event?.revision === "number" ? event.revision : undefined;
}

function endingOf(reason: unknown, { typed }: Credentials): FormattedExecutionResult {
  if (Array.isArray(reason)) return { errors: reason };
  if (!(reason instanceof CloseEvent)) return failure(String(reason));
  if (reason.code !== CREDENTIALS_REFUSED) {
    return failure(`The hub closed the connection: ${reason.reason} (${reason.code}).`);
  }
  return failure(
    typed
      ? "The hub does not take the Authorization that the headers have."
      : "Subscriptions take signing in: do so in Account, in the bar at the left.",
    "UNAUTHENTICATED",
  );
}
