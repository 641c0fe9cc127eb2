import { ApolloClient, ApolloLink, HttpLink } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { makeCache } from "./cache";
import { ENDPOINT } from "./http";
import { authorize, persist, renew, resume } from "./links";
import { newest } from "./newest";
import { socket } from "./socket";

const cache = makeCache();

/** Subscriptions go over the WebSocket, all else over HTTP; both meet in one cache. */
export const client = new ApolloClient({
  cache,
  link: newest(cache).concat(
    ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      ApolloLink.from([resume, persist, new GraphQLWsLink(socket)]),
      ApolloLink.from([renew, authorize, new HttpLink({ uri: ENDPOINT })]),
    ),
  ),
});
