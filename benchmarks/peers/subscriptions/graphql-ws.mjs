// graphql-ws over ws, with the in-memory PubSub of graphql-subscriptions.
import { makeExecutableSchema } from "@graphql-tools/schema";
import { PubSub } from "graphql-subscriptions";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { publishingServer } from "./http.mjs";
import { typeDefs } from "./schema.mjs";

const pubsub = new PubSub();
const segmentationUpdated = {
  subscribe: (_, { projectId }) => pubsub.asyncIterableIterator(projectId),
};
const schema = makeExecutableSchema({
  typeDefs,
  resolvers: { Subscription: { segmentationUpdated } },
});
const server = publishingServer(
  (topic, event) => pubsub.publish(topic, { segmentationUpdated: event }),
  (_, response) => response.writeHead(404).end(),
);
useServer({ schema }, new WebSocketServer({ server, path: "/graphql" }));
