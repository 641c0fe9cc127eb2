import { useCallback, useSyncExternalStore } from "react";

/** The images that are selected. Each part of a page that shows one hears of that one alone. */
export class Selection {
  readonly #ids = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #anchor: string | null = null;

  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  all(): string[] {
    return [...this.#ids];
  }

  toggle(id: string): void {
    this.#anchor = id;
    if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#tell();
  }

  /** Selects all from the image that was clicked before up to this one, in the order of `list`. */
  extend(id: string, list: readonly string[]): void {
    const from = this.#anchor === null ? -1 : list.indexOf(this.#anchor);
    const to = list.indexOf(id);
    if (from < 0 || to < 0) this.toggle(id);
    else this.add(list.slice(Math.min(from, to), Math.max(from, to) + 1));
  }

  add(ids: Iterable<string>): void {
    for (const id of ids) this.#ids.add(id);
    this.#tell();
  }

  remove(ids: Iterable<string>): void {
    const before = this.size;
    for (const id of ids) this.#ids.delete(id);
    if (this.size !== before) this.#tell();
  }

  clear(): void {
    this.#anchor = null;
    if (!this.size) return;
    this.#ids.clear();
    this.#tell();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

export function useIsSelected(selection: Selection, id: string): boolean {
  const get = useCallback(() => selection.has(id), [selection, id]);
  return useSyncExternalStore(selection.subscribe, get);
}

export function useSelectedCount(selection: Selection): number {
  const get = useCallback(() => selection.size, [selection]);
  return useSyncExternalStore(selection.subscribe, get);
}
