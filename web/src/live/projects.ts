import { client } from "../api/client";
import { Store } from "../api/store";

/** Projects that are gone for this person, lest an answer that was on its way brings one back. */
export const goneProjects = new Store<ReadonlySet<string>>(new Set());

/** Takes a project off the screen and out of the cache. */
export function forget(id: string): void {
  goneProjects.set(new Set([...goneProjects.get(), id]));
  client.cache.evict({ id: `Project:${id}` });
  client.cache.gc();
}
