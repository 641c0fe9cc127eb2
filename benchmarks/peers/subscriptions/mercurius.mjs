// Mercurius on Fastify, with its own in-memory PubSub.
import Fastify from "fastify";
import mercurius from "mercurius";
import { typeDefs } from "./schema.mjs";

const app = Fastify({ keepAliveTimeout: 600_000 });
const segmentationUpdated = {
  subscribe: (_, { projectId }, { pubsub }) => pubsub.subscribe(projectId),
};
app.register(mercurius, {
  schema: typeDefs,
  resolvers: { Subscription: { segmentationUpdated } },
  subscription: true,
});
app.post("/publish", async (request, reply) => {
  const { topic, event } = request.body;
  app.graphql.pubsub.publish({ topic, payload: { segmentationUpdated: event } });
  return reply.code(204).send();
});
console.log(await app.listen({ port: 0, host: "127.0.0.1", backlog: 2048 }));
