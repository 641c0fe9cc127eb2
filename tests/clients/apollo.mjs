import { ApolloClient, ApolloLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import { tap } from "rxjs";
import WebSocket from "ws";
import { obey, retryWait, settings, tell } from "./obey.mjs";

const socket = createClient({
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ Authorization: `Bearer ${settings.token}` }),
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait,
  on: {
    connected: () => tell({ connected: true }),
    closed: ({ code, reason }) => tell({ closed: code, reason }),
  },
  url: `ws${settings.url.slice(4)}/graphql`,
});

// Apollo copies the variables that it is given; those of the operation are sent again.
const resume = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    tap(({ data }) => {
      if (data?.segmentationUpdated) operation.variables.after = data.segmentationUpdated.revision;
    }),
  ),
);

const client = new ApolloClient({
  link: ApolloLink.from([resume, new GraphQLWsLink(socket)]),
  cache: new InMemoryCache(),
});

obey(({ query, variables }, sink) => {
  const subscription = client.subscribe({ query: gql(query), variables }).subscribe({
    ...sink,
    next: ({ data, error }) => (error ? sink.error(error) : sink.next({ data })),
  });
  return () => subscription.unsubscribe();
});
