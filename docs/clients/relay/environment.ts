// Relay for the hub: queries, mutations and files over HTTP, subscriptions over the socket.
import type { Client } from "graphql-ws";
import {
  Environment,
  type GraphQLResponse,
  Network,
  Observable,
  type PayloadData,
} from "relay-runtime";
import { execute } from "../http.ts";
import type { Session } from "../session.ts";
import { type Sink, subscribe } from "../socket.ts";

export function createEnvironment(session: Session, socket: Client): Environment {
  return new Environment({
    network: Network.create(
      async ({ text }, variables) => ({
        data: await execute<PayloadData>(session, text ?? "", variables),
      }),
      ({ text }, variables) =>
        Observable.create<GraphQLResponse>((sink) =>
          subscribe(socket, text ?? "", variables, sink as Sink<unknown>),
        ),
    ),
  });
}
