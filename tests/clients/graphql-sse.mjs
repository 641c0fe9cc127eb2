import { createClient } from "graphql-sse";
import { retryWait } from "../../docs/clients/retry.ts";
import { resume } from "../../docs/clients/socket.ts";
import { obey, settings, tell } from "./obey.mjs";

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

obey((request, sink) =>
  client.subscribe(request, {
    ...sink,
    next(result) {
      resume(request.variables, result.data);
      sink.next(result);
    },
  }),
);
