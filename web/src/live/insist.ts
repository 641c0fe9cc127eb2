import { codeOf } from "../api/errors";
import { retryWait } from "../api/retry-wait";

const HOPELESS = new Set(["FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED", "BAD_USER_INPUT"]);

/** Does the work until it succeeds, is not wanted any more, or can't succeed. */
export async function insist(work: () => Promise<unknown>, wanted: () => boolean): Promise<void> {
  for (let attempt = 0; wanted(); attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (HOPELESS.has(codeOf(error))) return;
      await retryWait(attempt);
    }
  }
}
