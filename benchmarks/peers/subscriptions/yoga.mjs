// GraphQL Yoga with its own PubSub, and graphql-ws over ws as its documentation has it.
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { publishingServer } from "./http.mjs";
import { typeDefs } from "./schema.mjs";

const pubsub = createPubSub();
const segmentationUpdated = {
  subscribe: (_, { projectId }) => pubsub.subscribe(projectId),
  resolve: (event) => event,
};
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers: { Subscription: { segmentationUpdated } } }),
  logging: false,
});
const server = publishingServer((topic, event) => pubsub.publish(topic, event), yoga);
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (context, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params,
      });
      const document = parse(params.query);
      const errors = validate(schema, document);
      if (errors.length > 0) return errors;
      return {
        schema,
        document,
        operationName: params.operationName,
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);
