// When to try again.

/** A call that the hub answered with an error; `code` is its `extensions.code`. */
export class HubError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The error of a network that fails, or of a proxy that does not reach the hub. */
export function unreachable(why: string): HubError {
  return new HubError("UNREACHABLE", `The hub is not to be reached: ${why}`);
}

/** Tells whether a subscription ended since its `after` is too old: drop what is kept, start over. */
export function cursorExpired(error: Error): boolean {
  return error instanceof HubError && error.code === "CURSOR_EXPIRED";
}

/** Waits before another try: each time longer, and half a minute at most. */
export async function retryWait(retries: number): Promise<void> {
  const longest = Math.min(1_000 * 2 ** retries, 30_000);
  await new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}

/** Does something that can be done twice until it is done, or fails for a reason that stays. */
export async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!passes(error)) throw error;
      await retryWait(retries);
    }
  }
}

const PASSING = new Set([
  "UNREACHABLE",
  "SERVICE_UNAVAILABLE",
  "OUTCOME_UNKNOWN",
  "RATE_LIMITED",
  "TIMEOUT",
]);

/** Tells whether the same may succeed later. */
export function passes(error: unknown): boolean {
  return error instanceof HubError && PASSING.has(error.code);
}

/** Returns what has something done, and, where it is called meanwhile, once more afterwards. */
export function coalesced(work: () => Promise<void>): () => void {
  let isWanted = false;
  let isRunning = false;
  return async () => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    while (isWanted) {
      isWanted = false;
      await patiently(work).catch(console.error);
    }
    isRunning = false;
  };
}
