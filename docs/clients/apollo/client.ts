// Apollo Client for the hub: queries, mutations and files over HTTP, subscriptions over the socket.
import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  InMemoryCache,
  type Reference,
} from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import UploadHttpLink from "apollo-upload-client/UploadHttpLink.mjs";
import { OperationTypeNode, print } from "graphql";
import type { Client } from "graphql-ws";
import { from, mergeMap, Observable, throwError } from "rxjs";
import { HubError, unreachable } from "../retry.ts";
import type { Session } from "../session.ts";
import { subscribe } from "../socket.ts";

export function createApolloClient(session: Session, socket: Client): ApolloClient {
  const authorize = new SetContextLink(async ({ headers }) => {
    const token = await session.accessToken();
    return { token, headers: { ...headers, authorization: `Bearer ${token}` } };
  });
  const refresh = new ErrorLink(({ error, operation, forward }) => {
    if (error instanceof HubError) return;
    if (!CombinedGraphQLErrors.is(error)) return throwError(() => unreachable(error.message));
    const code = String(error.errors[0]?.extensions?.code);
    if (code !== "UNAUTHENTICATED") return throwError(() => new HubError(code, error.message));
    const refused = operation.getContext().token as string;
    return from(session.accessToken(refused)).pipe(mergeMap(() => forward(operation)));
  });
  const http = new UploadHttpLink({
    uri: session.url,
    headers: { "Apollo-Require-Preflight": "true" },
  });
  const live = new ApolloLink(
    ({ query, variables }) =>
      new Observable((sink) => subscribe(socket, print(query), variables, sink)),
  );
  return new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      live,
      ApolloLink.from([refresh, authorize, http]),
    ),
    cache: new InMemoryCache({
      typePolicies: { Project: { fields: { stats: { merge: newest } } } },
    }),
  });
}

/** Of two states the one of the higher revision is the newer, whichever comes first. */
function newest<T extends { revision: number } | Reference>(known: T | undefined, came: T): T {
  if (known && "revision" in known && "revision" in came && known.revision > came.revision) {
    return known;
  }
  return came;
}
