// urql for the hub: queries, mutations and files over HTTP, subscriptions over the socket.
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { authExchange } from "@urql/exchange-auth";
import type { Client as Socket } from "graphql-ws";
import type { Session } from "../session.ts";
import { subscribe } from "../socket.ts";

/** Takes somebody who is signed in. */
export function createUrqlClient(session: Session, socket: Socket): Client {
  return new Client({
    url: session.url,
    preferGetMethod: false,
    fetchOptions: { headers: { "Apollo-Require-Preflight": "true" } },
    exchanges: [
      authExchange(async ({ appendHeaders }) => {
        let token = await session.accessToken();
        return {
          addAuthToOperation: (operation) =>
            appendHeaders(operation, { Authorization: `Bearer ${token}` }),
          didAuthError: ({ graphQLErrors }) =>
            graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED"),
          async refreshAuth() {
            token = await session.accessToken(token);
          },
        };
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: subscribe(socket, query ?? "", variables ?? {}, sink),
          }),
        }),
      }),
    ],
  });
}
