import { ApolloLink } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { from, retry, switchMap, tap } from "rxjs";
import { codeOf } from "./errors";
import { retryWait } from "./retry-wait";
import { accessToken, bearer } from "./session";

const PASSING = new Set([
  "NETWORK",
  "SERVICE_UNAVAILABLE",
  "RATE_LIMITED",
  "INTERNAL_SERVER_ERROR",
]);

/** Has a subscription that is sent again begin behind what came last. */
export const resume = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    tap(({ data }) => {
      const revision = data?.segmentationUpdated?.revision;
      if (revision !== undefined) operation.variables.after = revision;
    }),
  ),
);

/** Subscribes again where a subscription ended for a reason that passes. */
export const persist = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    retry({
      resetOnSuccess: true,
      delay: (error, attempt) => {
        if (!PASSING.has(codeOf(error))) throw error;
        return from(retryWait(attempt));
      },
    }),
  ),
);

/** Sends the token along with what goes over HTTP. */
export const authorize = new SetContextLink(async (context) => {
  const token = await accessToken(context.refused);
  const headers = token ? { Authorization: bearer(token) } : {};
  return { token, headers: { ...context.headers, ...headers } };
});

/** Asks a second time, with a new token, where the hub took the first one no more. */
export const renew = new ErrorLink(({ error, operation, forward }) => {
  const { token, refused } = operation.getContext();
  if (codeOf(error) !== "UNAUTHENTICATED" || !token || refused) return undefined;
  return from(accessToken(token)).pipe(
    switchMap(() => {
      operation.setContext({ refused: token });
      return forward(operation);
    }),
  );
});
