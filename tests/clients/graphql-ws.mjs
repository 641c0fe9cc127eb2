import { createSocket, resume } from "../../docs/clients/socket.ts";
import { obey, session, settings, tell } from "./obey.mjs";

const client = createSocket(session, {
  onNonLazyError: ({ code }) => tell({ gaveUp: code }),
  on: {
    connected: () => tell({ connected: true }),
    closed: ({ code, reason }) => tell({ closed: code, reason }),
    pong: (received) => tell({ pong: received }),
  },
  ...settings,
  url: `ws${settings.url.slice(4)}/graphql`,
});

obey((request, sink) =>
  client.subscribe(request, {
    ...sink,
    next(result) {
      resume(request.variables, result.data);
      sink.next(result);
    },
  }),
);
