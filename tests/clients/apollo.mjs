import { gql } from "@apollo/client";
import { createApolloClient } from "../../docs/clients/apollo/client.ts";
import { createSocket } from "../../docs/clients/socket.ts";
import { obey, session, tell } from "./obey.mjs";

const socket = createSocket(session);
socket.on("connected", () => tell({ connected: true }));
socket.on("closed", ({ code, reason }) => tell({ closed: code, reason }));
const client = createApolloClient(session, socket);

obey(({ query, variables }, sink) => {
  const subscription = client.subscribe({ query: gql(query), variables }).subscribe({
    ...sink,
    next: ({ data, error }) => (error ? sink.error(error) : sink.next({ data })),
  });
  return () => subscription.unsubscribe();
});
