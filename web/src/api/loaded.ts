import { retryWait } from "./retry-wait";

const SETTLED_MILLISECONDS = 3_000;

/**
 * Loads a part of the page that nothing needed before. Where it can't be loaded the page is loaded
 * anew, for browsers remember that, and a hub that was renewed has other parts; but not before the
 * hub answers, since what is on the screen and what waits to be sent would be gone for nothing.
 */
export async function loaded<Part>(load: () => Promise<Part>): Promise<Part> {
  try {
    return await load();
  } catch {
    for (let attempt = 0; !(await isThere()); attempt += 1) await retryWait(attempt);
    location.reload();
    return new Promise(() => {});
  }
}

/**
 * Loads a part once the page has settled, so that it is there when the hub is away. Returns what
 * calls that off.
 */
export function ahead(load: () => Promise<unknown>): () => void {
  const timer = setTimeout(() => void load().catch(() => undefined), SETTLED_MILLISECONDS);
  return () => clearTimeout(timer);
}

async function isThere(): Promise<boolean> {
  const answer = await fetch("/", { method: "HEAD", cache: "no-store" }).catch(() => null);
  return answer?.ok ?? false;
}
