import { createClient } from "graphql-sse";
import { obey, resuming, retryWait, settings, tell } from "./obey.mjs";

const client = createClient({
  headers: async () => ({ Authorization: `Bearer ${settings.token}` }),
  retryAttempts: Infinity,
  retry: retryWait,
  on: {
    connecting: (retrying) => retrying && tell({ retrying }),
    connected: () => tell({ connected: true }),
  },
  ...settings,
  url: `${settings.url}/graphql`,
});

obey((request, sink) => client.subscribe(request, resuming(request, sink)));
