/** Keeps a list that changes, for React's useSyncExternalStore or anything else. */
export abstract class Store<T extends { id: string }> {
  protected readonly known = new Map<string, T>();
  readonly #listeners = new Set<() => void>();
  #list: readonly T[] | undefined;
  #telling: ReturnType<typeof setTimeout> | undefined;

  /** The list; the same one until something has changed. */
  readonly list = (): readonly T[] => {
    this.#list ??= [...this.known.values()];
    return this.#list;
  };

  /** Has a listener told of changes, of many at once; returns what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  protected changed(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#list = undefined;
      for (const listener of this.#listeners) listener();
    }, 20);
  }
}
