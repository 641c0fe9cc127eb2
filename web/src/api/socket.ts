import { createClient } from "graphql-ws";
import { ENDPOINT } from "./http";
import { accessToken } from "./session";
import { Store } from "./store";

export interface Connection {
  /** "lost" once it was there and is not: what is on the screen is as of `since`. */
  state: "opening" | "open" | "lost";
  since: number;
}

export const connection = new Store<Connection>({ state: "opening", since: Date.now() });

const PING_MILLISECONDS = 10_000;
const PATIENCE_MILLISECONDS = 5_000;
const LONGEST_WAIT_MILLISECONDS = 15_000;
const CREDENTIALS_REFUSED = 4403;

let shown: string | null = null;
let refused: string | undefined;
let overdue: ReturnType<typeof setTimeout> | undefined;

/**
 * The one WebSocket of this page, opened by the first subscription. It connects again by itself,
 * without end, and then sends each subscription with the variables that it has by then.
 */
export const socket = createClient({
  url: () => `${location.origin.replace(/^http/, "ws")}${ENDPOINT}`,
  connectionParams: async () => {
    // An error thrown here would end all subscriptions; without a token the hub closes the socket.
    shown = await accessToken(refused).catch(() => null);
    return { Authorization: `Bearer ${shown}` };
  },
  retryAttempts: Number.POSITIVE_INFINITY,
  shouldRetry: () => true,
  retryWait,
  keepAlive: PING_MILLISECONDS,
  on: {
    connected: () => connection.set({ state: "open", since: Date.now() }),
    closed: (event) => {
      clearTimeout(overdue);
      if ((event as CloseEvent).code === CREDENTIALS_REFUSED) refused = shown ?? undefined;
      if (connection.get().state === "open") connection.set({ state: "lost", since: Date.now() });
    },
    // A network that is gone says nothing: one whose answers don't come is as good as closed.
    ping: (received) => {
      if (!received) overdue = setTimeout(() => socket.terminate(), PATIENCE_MILLISECONDS);
    },
    pong: (received) => {
      if (received) clearTimeout(overdue);
    },
  },
});

/** Waits longer each time, but no longer than until the browser says that the network is back. */
export function retryWait(retries: number): Promise<void> {
  const longest = Math.min(500 * 2 ** retries, LONGEST_WAIT_MILLISECONDS);
  return new Promise((resolve) => {
    const timer = setTimeout(done, longest * (0.5 + Math.random() / 2));
    window.addEventListener("online", done);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
  });
}
