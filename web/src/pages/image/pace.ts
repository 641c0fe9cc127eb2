const LONGEST_MILLISECONDS = 25;

/** Work that takes long, a piece at a time, so that the page answers in between. */
export class Pace {
  #since = performance.now();

  /** To be awaited between small pieces: goes on at once, or after what else there is to do. */
  async rest(): Promise<void> {
    if (performance.now() - this.#since < LONGEST_MILLISECONDS) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#since = performance.now();
  }
}
