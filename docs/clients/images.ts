import { Store } from "./store.ts";

interface Image {
  readonly id: string;
  readonly revision: number;
}

/** The images of a project, of updates of segmentationUpdated that began with `after: 0`. */
export class Images<T extends Image> extends Store<T> {
  /** Takes an update; its image is null where it is gone. */
  take({ imageId, image }: { imageId: string; image?: T | null }): void {
    const known = this.known.get(imageId);
    if (!image) this.known.delete(imageId);
    // Where answers of mutations are taken, too, what comes later may be older.
    else if (!known || known.revision < image.revision) this.known.set(imageId, image);
    this.changed();
  }

  /** Forgets all, since the hub will tell it anew (CURSOR_EXPIRED). */
  drop(): void {
    this.known.clear();
    this.changed();
  }
}
