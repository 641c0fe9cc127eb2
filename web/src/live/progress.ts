import { Store, useStore } from "../api/store";

const stores = new Map<string, Store<number | null>>();

function storeOf(imageId: string): Store<number | null> {
  let store = stores.get(imageId);
  if (!store) {
    store = new Store<number | null>(null);
    stores.set(imageId, store);
  }
  return store;
}

/** Keeps how far the job of an image is, 0 to 1: too often news to be put into the cache. */
export function setProgress(imageId: string, progress: number | null): void {
  if (progress === null) stores.get(imageId)?.set(null);
  else storeOf(imageId).set(progress);
}

/** How far the job of an image is, 0 to 1; null where nothing was reported. */
export function useProgress(imageId: string): number | null {
  return useStore(storeOf(imageId));
}
