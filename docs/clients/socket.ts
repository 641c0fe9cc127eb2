// The WebSocket for all subscriptions. It connects again by itself.
import type { FormattedExecutionResult } from "graphql";
import { type Client, type ClientOptions, createClient } from "graphql-ws";
import type { Variables } from "./http.ts";
import { HubError, passes, patiently, retryWait } from "./retry.ts";
import type { Session } from "./session.ts";

interface Revised {
  revision: number;
}

export interface Sink<Data> {
  next(result: FormattedExecutionResult<Data>): void;
  error(error: Error): void;
  complete(): void;
}

export function createSocket(session: Session, options: Partial<ClientOptions> = {}): Client {
  let sent: string | undefined;
  let refused: string | undefined;
  const socket = createClient({
    url: session.url.replace(/^http/, "ws"),
    async connectionParams() {
      sent = await patiently(() => session.accessToken(refused));
      return { Authorization: `Bearer ${sent}` };
    },
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait,
    ...options,
  });
  socket.on("closed", (event) => {
    const isRefusal = (event as CloseEvent).code === 4403;
    refused = isRefusal ? sent : undefined;
  });
  return socket;
}

/**
 * Subscribes, and goes on after errors that pass. The sink gets a HubError where the hub ends it:
 * CURSOR_EXPIRED (drop what is kept, subscribe again), FORBIDDEN … Returns what ends it.
 */
export function subscribe<Data>(
  socket: Client,
  query: string,
  variables: Variables,
  sink: Sink<Data>,
): () => void {
  // graphql-ws sends the variables as they are by then: after a reconnect behind what came last.
  const current = { ...variables };
  let retries = 0;
  let isOver = false;
  let stop = begin();

  function begin(): () => void {
    return socket.subscribe<Data, Record<string, unknown>>(
      { query, variables: current },
      {
        next(result) {
          retries = 0;
          resume(current, result.data);
          sink.next(result);
        },
        error: (reason) => void again(errorOf(reason)),
        complete: () => sink.complete(),
      },
    );
  }

  async function again(error: Error): Promise<void> {
    if (passes(error)) {
      await retryWait(retries++);
      if (!isOver) stop = begin();
    } else {
      sink.error(error);
    }
  }

  return () => {
    isOver = true;
    stop();
  };
}

/** Has a subscription to segmentationUpdated begin behind what came, when it is sent again. */
export function resume(variables: Variables, data: unknown): void {
  const { segmentationUpdated: update } = (data ?? {}) as { segmentationUpdated?: Revised };
  if (update) variables.after = update.revision;
}

/** An operation fails with errors of GraphQL, the socket with the event that closed it for good. */
function errorOf(reason: unknown): Error {
  const [error] = Array.isArray(reason) ? reason : [];
  if (error) return new HubError(error.extensions?.code, error.message);
  if (reason instanceof Error) return reason;
  const { code, reason: why } = reason as CloseEvent;
  return new HubError("CLOSED", `The hub closed the connection: ${code} ${why}`);
}
