import type { FormattedExecutionResult, OperationDefinitionNode } from "graphql";
import { Observable } from "rxjs";
import { session } from "../src/api/session";
import { CREDENTIALS_REFUSED, makeSocket } from "../src/api/socket";
import type { Credentials } from "./credentials";
import { failure, type Request } from "./http";
import { resumption, revisionIn } from "./resumption";

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
