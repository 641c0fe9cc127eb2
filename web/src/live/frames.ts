/**
 * Collects what comes by key, the newest of each, and hands it on once before the next picture is
 * drawn; in a tab that nobody sees, once it is seen again.
 */
export function inFrames<K, T>(apply: (newest: ReadonlyMap<K, T>) => void) {
  let waiting = new Map<K, T>();
  let frame = 0;
  return {
    add(key: K, value: T): void {
      waiting.set(key, value);
      frame ||= requestAnimationFrame(() => {
        const newest = waiting;
        waiting = new Map();
        frame = 0;
        apply(newest);
      });
    },
    stop(): void {
      cancelAnimationFrame(frame);
      frame = 0;
      waiting.clear();
    },
  };
}
