import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { obey, resuming, retryWait, settings, tell } from "./obey.mjs";

const client = createClient({
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ Authorization: `Bearer ${settings.token}` }),
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait,
  onNonLazyError: ({ code }) => tell({ gaveUp: code }),
  on: {
    connected: () => tell({ connected: true }),
    closed: ({ code, reason }) => tell({ closed: code, reason }),
    pong: (received) => tell({ pong: received }),
  },
  ...settings,
  url: `ws${settings.url.slice(4)}/graphql`,
});

obey((request, sink) => client.subscribe(request, resuming(request, sink)));
