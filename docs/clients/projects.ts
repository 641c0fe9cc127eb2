import { coalesced } from "./retry.ts";
import { Store } from "./store.ts";

interface Stats {
  readonly revision: number;
}

interface Project {
  readonly id: string;
  readonly stats: Stats;
}

interface Update<S extends Stats> {
  readonly projectId: string;
  readonly operation: string;
  readonly updates?: S | null;
}

/** The projects that one can see: a query tells which, projectUpdated keeps their numbers. */
export class Projects<T extends Project> extends Store<T> {
  readonly #load: () => void;
  readonly #newest = new Map<string, T["stats"]>();
  #isStale = false;

  constructor(read: () => Promise<readonly T[]>) {
    super();
    this.#load = coalesced(async () => {
      const found = await read();
      this.known.clear();
      for (const each of found) {
        this.known.set(each.id, { ...each, stats: this.#newer(each.id, each.stats) });
      }
      this.changed();
    });
  }

  /** Reads the list when the socket has connected: what went meanwhile, nobody tells. */
  readonly connected = (): void => {
    // And once more when the subscription has begun: something may have gone in between.
    this.#isStale = true;
    this.#load();
  };

  /** Takes an update; it has no numbers where the project is gone. */
  take({ projectId, operation, updates }: Update<T["stats"]>): void {
    const known = this.known.get(projectId);
    const stats = updates && this.#newer(projectId, updates);
    if (known && stats) {
      this.known.set(projectId, { ...known, stats });
      this.changed();
    }
    // Those that are behind the first page of the list change unseen.
    if (this.#isStale || !stats || (!known && operation !== "UPDATED")) {
      this.#isStale = false;
      this.#load();
    }
  }

  /** Of two states the one of the higher revision is the newer, whichever comes first. */
  #newer(id: string, stats: T["stats"]): T["stats"] {
    const newest = this.#newest.get(id);
    if (newest && newest.revision > stats.revision) return newest;
    this.#newest.set(id, stats);
    return stats;
  }
}
