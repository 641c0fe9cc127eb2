// How every peer is told of a change: POST /publish {"topic": …, "event": …}.
import { createServer } from "node:http";

// Answers publications itself, and leaves other requests to `otherwise`.
export function publishingServer(publish, otherwise) {
  const server = createServer((request, response) => {
    if (request.url !== "/publish") return otherwise(request, response);
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const { topic, event } = JSON.parse(body);
      publish(topic, event);
      response.writeHead(204).end();
    });
  });
  server.keepAliveTimeout = 600_000;
  server.listen({ port: 0, host: "127.0.0.1", backlog: 2048 }, () =>
    console.log(`http://127.0.0.1:${server.address().port}`),
  );
  return server;
}
