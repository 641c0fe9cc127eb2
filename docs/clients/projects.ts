import { coalesced } from "./retry.ts";
import { Store } from "./store.ts";

interface Project {
  readonly id: string;
  readonly stats: { readonly revision: number };
}

/** The projects that one can see: a query tells which, projectUpdated keeps their numbers. */
export class Projects<T extends Project> extends Store<T> {
  /** Reads the list again: when the socket has connected, for what went meanwhile nobody tells. */
  readonly load: () => void;

  constructor(read: () => Promise<readonly T[]>) {
    super();
    this.load = coalesced(async () => {
      const found = (await read()).map((each) => ({ ...each, stats: this.#newest(each.id, each.stats) }));
      this.known.clear();
      for (const each of found) this.known.set(each.id, each);
      this.changed();
    });
  }

  /** Takes an update; it has no numbers where the project is gone. */
  take({ projectId, updates }: { projectId: string; updates?: T["stats"] | null }): void {
    const known = this.known.get(projectId);
    if (!known || !updates) return this.load();
    this.known.set(projectId, { ...known, stats: this.#newest(projectId, updates) });
    this.changed();
  }

  /** Of two states the one of the higher revision is the newer, whichever comes first. */
  #newest(id: string, stats: T["stats"]): T["stats"] {
    const known = this.known.get(id)?.stats;
    return known && known.revision > stats.revision ? known : stats;
  }
}
