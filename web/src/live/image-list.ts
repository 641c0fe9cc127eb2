/** What is known of an image where lists are concerned. */
export interface Listed {
  id: string;
  /** Of the image's last change; of two states of an image the higher one is the newer. */
  revision: number;
  /** Whether the list's filter takes it in; never so of an image that is gone. */
  matches: boolean;
}

// Ids sort as the hub lists images: of two, the greater one is the newer image.
const NOTHING_LOADED = "\u{10ffff}";
const ALL_LOADED = "";

/**
 * The ids of a project's images that a filter takes in, newest first, as far as they are loaded.
 *
 * Pages and events may come in any order. What is known of each image is the state of its highest
 * revision, so a page that was read before an event can't undo it. The list ends where the pages
 * do: what events tell of images behind that is kept until a page gets there. It may be held, so
 * that images that are new don't move those that somebody looks at.
 */
export class ImageList {
  readonly #known = new Map<string, Listed>();
  readonly #behind = new Set<string>();
  #ids: string[] = [];
  #end = NOTHING_LOADED;
  readonly #ahead = new Set<string>();
  #held: string | null = null;

  /** Newest first. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** Where the next page begins; undefined for the first one. */
  get cursor(): string | undefined {
    return this.#end === NOTHING_LOADED ? undefined : this.#end;
  }

  /** Whether no page is left to load. */
  get complete(): boolean {
    return this.#end === ALL_LOADED;
  }

  get started(): boolean {
    return this.#end !== NOTHING_LOADED;
  }

  /** The place of an image in the list; -1 where it is not in it. */
  indexOf(id: string): number {
    const place = this.#placeOf(id);
    return this.#ids[place] === id ? place : -1;
  }

  /** How many images there are that are newer than those shown, and not in the list for now. */
  get ahead(): number {
    return this.#ahead.size;
  }

  keepsOut(id: string): boolean {
    return this.#ahead.has(id);
  }

  /** From now on keeps out images that are newer than the first one. */
  hold(): void {
    this.#held ??= this.#ids[0] ?? null;
  }

  /** Lets in what was kept out. */
  release(): void {
    this.#held = null;
    this.#ids = [...this.#ahead].sort(newestFirst).concat(this.#ids);
    this.#ahead.clear();
  }

  revisionOf(id: string): number | undefined {
    return this.#known.get(id)?.revision;
  }

  /** Takes the page that begins at `cursor`; `next` is where it goes on, null where it does not. */
  append(page: readonly Omit<Listed, "matches">[], next: string | null): void {
    for (const { id, revision } of page) this.#learn({ id, revision, matches: true });
    const end = next ?? ALL_LOADED;
    if (end >= this.#end) return;
    this.#end = end;
    const reached = [...this.#behind].filter((id) => this.#reaches(id)).sort(newestFirst);
    for (const id of reached) this.#behind.delete(id);
    this.#ids = this.#ids.concat(reached);
  }

  /** Takes a change of one image; tells whether it was newer than what was known. */
  apply(change: Listed): boolean {
    return this.#learn(change);
  }

  #learn(listed: Listed): boolean {
    const known = this.#known.get(listed.id);
    if (known && known.revision >= listed.revision) return false;
    this.#known.set(listed.id, listed);
    if (listed.matches === (known?.matches ?? false)) return true;
    const outside = this.#outsideOf(listed.id);
    if (outside) {
      if (listed.matches) outside.add(listed.id);
      else outside.delete(listed.id);
    } else if (listed.matches) {
      this.#ids.splice(this.#placeOf(listed.id), 0, listed.id);
    } else {
      this.#ids.splice(this.#placeOf(listed.id), 1);
    }
    return true;
  }

  #outsideOf(id: string): Set<string> | null {
    if (!this.#reaches(id)) return this.#behind;
    return this.#held !== null && id > this.#held ? this.#ahead : null;
  }

  // Whether the image's place is within what is loaded: a cursor is the id of a page's last image.
  #reaches(id: string): boolean {
    return id >= this.#end;
  }

  #placeOf(id: string): number {
    let from = 0;
    let to = this.#ids.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#ids[middle] ?? "") > id) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function newestFirst(one: string, other: string): number {
  return one < other ? 1 : -1;
}
