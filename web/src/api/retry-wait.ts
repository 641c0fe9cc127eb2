const LONGEST_WAIT_MILLISECONDS = 15_000;

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
