const BUDGET_MILLISECONDS = 6;

type Schedule = (work: () => void) => void;

/**
 * Holds what came in until the next frame, of each id the newest state alone, and hands it on in
 * portions that leave the frame time for everything else.
 */
export class Inbox<T extends { id: string }> {
  readonly #waiting = new Map<string, T>();
  readonly #schedule: Schedule;
  #scheduled = false;

  /** `empty` takes one after the other by `next`, which gives undefined once it is enough. */
  constructor(
    private readonly empty: (next: () => T | undefined) => void,
    schedule: Schedule = (work) => requestAnimationFrame(work),
  ) {
    this.#schedule = schedule;
  }

  put(item: T): void {
    this.#waiting.set(item.id, item);
    this.wake();
  }

  /** Has the next frame look in, even if nothing waits. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      this.#drain();
    });
  }

  clear(): void {
    this.#waiting.clear();
  }

  #drain(): void {
    const until = performance.now() + BUDGET_MILLISECONDS;
    let isFirst = true;
    this.empty(() => {
      if (!isFirst && performance.now() >= until) return undefined;
      isFirst = false;
      const [oldest] = this.#waiting.values();
      if (oldest) this.#waiting.delete(oldest.id);
      return oldest;
    });
    if (this.#waiting.size) this.wake();
  }
}
