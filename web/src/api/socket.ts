import { type Client, createClient } from "graphql-ws";
import { ENDPOINT } from "./http";
import { retryWait } from "./retry-wait";
import { accessToken, bearer, tokenOf } from "./session";
import { Store } from "./store";

export interface Connection {
  /** "lost" once it was there and is not: what is on the screen is as of `since`. */
  state: "opening" | "open" | "lost";
  since: number;
}

export const connection = new Store<Connection>({ state: "opening", since: Date.now() });

const PING_MILLISECONDS = 10_000;
const PATIENCE_MILLISECONDS = 5_000;
const NORMAL_CLOSURE = 1000;
export const CREDENTIALS_REFUSED = 4403;

export interface SocketOptions {
  /** What to show as Authorization, if anything; `refused` is what the hub took no more. */
  authorization: (refused?: string) => Promise<string | undefined>;
  opened: () => void;
  closed: (event: CloseEvent) => void;
  /** Whether to connect again once `closed` was told; true where nothing is given. */
  shouldRetry?: (event: unknown) => boolean;
}

/**
 * A WebSocket that its first subscription opens. It connects again by itself, without end, and then
 * sends each subscription with the variables that it has by then.
 */
export function makeSocket({
  authorization,
  opened,
  closed,
  shouldRetry = () => true,
}: SocketOptions): Client {
  let shown: string | undefined;
  let refused: string | undefined;
  let overdue: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: () => `${location.origin.replace(/^http/, "ws")}${ENDPOINT}`,
    connectionParams: async () => {
      // An error thrown here would end all subscriptions; without a token the hub closes the socket.
      shown = await authorization(refused).catch(() => undefined);
      return shown === undefined ? {} : { Authorization: shown };
    },
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry,
    retryWait,
    keepAlive: PING_MILLISECONDS,
    on: {
      connected: opened,
      closed: (event) => {
        clearTimeout(overdue);
        if ((event as CloseEvent).code === CREDENTIALS_REFUSED) refused = shown;
        closed(event as CloseEvent);
      },
      // A network that is gone says nothing: one whose answers don't come is as good as closed.
      ping: (received) => {
        if (!received) overdue = setTimeout(() => client.terminate(), PATIENCE_MILLISECONDS);
      },
      pong: (received) => {
        if (received) clearTimeout(overdue);
      },
    },
  });
  return client;
}

/** The one WebSocket of the application. */
export const socket = makeSocket({
  authorization: async (refused) => bearer(await accessToken(tokenOf(refused))),
  opened: () => connection.set({ state: "open", since: Date.now() }),
  closed: ({ code }) => {
    const since = Date.now();
    // This page closed it, since nothing on it is followed: nothing is lost.
    if (code === NORMAL_CLOSURE) connection.set({ state: "opening", since });
    else if (connection.get().state === "open") connection.set({ state: "lost", since });
  },
});
