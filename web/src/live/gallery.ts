import type { ApolloCache, ApolloClient } from "@apollo/client";
import { codeOf, HubError, messageOf } from "../api/errors";
import { retryWait } from "../api/retry-wait";
import { Store } from "../api/store";
import type {
  ImageIdsQuery,
  SegmentationStatus,
  SegmentationUpdatedSubscription,
  TileImageFragment,
} from "../gql/graphql";
import {
  GALLERY_PAGE,
  IMAGE_IDS,
  IMAGE_REVISION,
  SEGMENTATION_UPDATED,
  TILE_IMAGE,
} from "./gallery-documents";
import { ImageList } from "./image-list";
import { Inbox } from "./inbox";
import { setProgress } from "./progress";

/** Which images a gallery shows; all, where nothing is said. */
export interface Filter {
  statuses: readonly SegmentationStatus[];
  search: string;
}

export interface GalleryState {
  /** Another number each time that the list changed. */
  version: number;
  /** What keeps it from loading or following, in words; it is tried again where that helps. */
  problem: string | null;
}

type Ids = NonNullable<ImageIdsQuery["project"]>["images"];
type Update = SegmentationUpdatedSubscription["segmentationUpdated"];
type Arrival = { id: string; image: TileImageFragment | null };
/** One who follows, on however many subscriptions, one after the other. */
type Following = { unsubscribe: () => void };

const FIRST_PAGE = 100;
const PAGE = 200;
const READ_AT_ONCE = 500;
const GATHERING_MILLISECONDS = 100;
const HOPELESS = new Set(["FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"]);

/**
 * The images of a project that a filter takes in: their order here, themselves in the cache.
 *
 * It loads as far as it is asked to, and while it is followed it hears of every change; followed
 * again later, it goes on where it stopped.
 */
export class Gallery {
  readonly state = new Store<GalleryState>({ version: 0, problem: null });
  /** Told of images that are gone from the project. */
  onGone: (ids: readonly string[]) => void = () => {};

  #list = new ImageList();
  #revision = 0;
  #wanted = 1;
  #loading: { list: ImageList; done: Promise<void> } | null = null;
  #following: Following | null = null;
  #dirty = false;
  #renewed = new Map<string, string>();
  #toRead = new Set<string>();
  #refusals = 0;
  readonly #inbox = new Inbox<Arrival>((next) => this.#show(next));

  constructor(
    readonly client: ApolloClient,
    readonly projectId: string,
    readonly filter: Filter,
  ) {}

  /** Newest first, as far as they are loaded. */
  get ids(): readonly string[] {
    return this.#list.ids;
  }

  get complete(): boolean {
    return this.#list.complete;
  }

  get started(): boolean {
    return this.#list.started;
  }

  /** How many new images are kept out while it is held. */
  get ahead(): number {
    return this.#list.ahead;
  }

  /** Keeps new images out, so that they don't move those that are looked at; or lets them in. */
  hold(held: boolean): void {
    if (held) this.#list.hold();
    else if (this.ahead) this.#changed();
    if (!held) this.#list.release();
  }

  /** Hears of changes until what it returns is called. */
  follow(): () => void {
    this.#following?.unsubscribe();
    const following: Following = { unsubscribe: () => {} };
    this.#following = following;
    void this.#begin(following);
    return () => {
      following.unsubscribe();
      if (this.#following === following) this.#following = null;
    };
  }

  async #begin(following: Following): Promise<void> {
    if (!this.started) await this.#load();
    if (this.#following !== following || !this.started) return;
    following.unsubscribe();
    following.unsubscribe = this.#subscribe(following);
  }

  /** Has at least this many images loaded, where there are as many. */
  ensure(count: number): void {
    this.#wanted = count;
    if (this.started && this.#following) void this.#load();
  }

  /** Reads an image anew whose picture's address proved to be no good; once for each address. */
  renew(id: string, address: string): void {
    if (this.#renewed.get(id) === address) return;
    this.#renewed.set(id, address);
    this.#read(id);
  }

  /** Reads an image anew that is in the list, and was dropped from the cache. */
  restore(id: string): void {
    if (revisionIn(this.client.cache, id) === 0) this.#read(id);
  }

  /** All ids that the filter takes in, also of what is not loaded. Rejects where the hub does. */
  async everyId(): Promise<string[]> {
    if (this.complete) return [...this.ids];
    const ids: string[] = [];
    let after: string | null = null;
    do {
      const images: Ids = await this.#idsBehind(after);
      for (const { node } of images.edges) ids.push(node.id);
      after = images.pageInfo.hasNextPage ? images.pageInfo.endCursor : null;
    } while (after);
    return ids;
  }

  async #idsBehind(after: string | null): Promise<Ids> {
    const { data } = await this.client.query({
      query: IMAGE_IDS,
      variables: { ...this.#variables(), after },
      fetchPolicy: "no-cache",
    });
    if (!data?.project) throw new HubError("NOT_FOUND", "The project is gone.");
    return data.project.images;
  }

  #variables() {
    const { statuses, search } = this.filter;
    return {
      projectId: this.projectId,
      status: statuses.length ? [...statuses] : null,
      search: search || null,
    };
  }

  async #load(): Promise<void> {
    const list = this.#list;
    if (this.#loading?.list !== list) this.#loading = { list, done: this.#pages(list) };
    await this.#loading.done;
    if (this.#loading?.list === list) this.#loading = null;
  }

  async #pages(list: ImageList): Promise<void> {
    let attempt = 0;
    while (!list.complete && (!list.started || list.ids.length < this.#wanted)) {
      // Left in the meantime, or started over.
      if (!this.#following || list !== this.#list) return;
      try {
        await this.#page(list);
        attempt = 0;
        this.#tell(null);
      } catch (error) {
        this.#tell(messageOf(error));
        if (HOPELESS.has(codeOf(error))) return;
        await retryWait(attempt++);
      }
    }
  }

  async #page(list: ImageList): Promise<void> {
    const { data } = await this.client.query({
      query: GALLERY_PAGE,
      variables: {
        ...this.#variables(),
        first: list.started ? PAGE : FIRST_PAGE,
        after: list.cursor ?? null,
      },
      fetchPolicy: "no-cache",
    });
    if (list !== this.#list) return;
    const project = data?.project;
    const images = project?.images;
    if (!list.started) this.#revision = project?.stats.revision ?? 0;
    const nodes = images?.edges.map(({ node }) => node) ?? [];
    list.append(nodes, images?.pageInfo.hasNextPage ? images.pageInfo.endCursor : null);
    this.#arrive(nodes);
    this.#changed();
  }

  // Puts images into the cache, but for those of which something newer is known.
  #arrive(nodes: readonly TileImageFragment[]): void {
    for (const image of nodes) {
      if (this.#list.revisionOf(image.id) === image.revision) {
        this.#inbox.put({ id: image.id, image });
      }
    }
  }

  #subscribe(following: Following): () => void {
    const subscription = this.client
      .subscribe({
        query: SEGMENTATION_UPDATED,
        variables: { projectId: this.projectId, after: this.#revision },
        fetchPolicy: "no-cache",
      })
      .subscribe({
        next: ({ data, error }) => {
          if (error) this.#broken(error, following);
          else if (data) this.#hear(data.segmentationUpdated);
        },
        error: (error: unknown) => this.#broken(error, following),
      });
    return () => subscription.unsubscribe();
  }

  #hear(update: Update): void {
    const { imageId: id, revision, image, progress } = update;
    this.#revision = Math.max(this.#revision, revision);
    if (this.#refusals) {
      this.#refusals = 0;
      this.#tell(null);
    }
    setProgress(id, progress);
    if (!image) {
      this.#list.apply({ id, revision, matches: false });
      this.#inbox.put({ id, image: null });
      this.#changed();
      return;
    }
    const { ahead } = this;
    const shown = this.#list.indexOf(id) >= 0;
    const matches = this.#takes(image);
    if (!this.#list.apply({ id, revision: image.revision, matches })) return;
    const isShown = this.#list.indexOf(id) >= 0;
    if (shown || isShown || this.#list.keepsOut(id)) this.#inbox.put({ id, image });
    if (shown !== isShown || ahead !== this.ahead) this.#changed();
  }

  #takes({ status, name }: TileImageFragment): boolean {
    const { statuses, search } = this.filter;
    if (statuses.length && !statuses.includes(status)) return false;
    return name.toLowerCase().includes(search.toLowerCase());
  }

  #broken(error: unknown, following: Following): void {
    const code = codeOf(error);
    if (code === "CURSOR_EXPIRED") this.#startOver(following);
    else if (!HOPELESS.has(code)) void this.#subscribeAgain(error, following);
  }

  async #subscribeAgain(error: unknown, following: Following): Promise<void> {
    this.#tell(messageOf(error));
    await retryWait(this.#refusals++);
    await this.#begin(following);
  }

  #startOver(following: Following): void {
    const { cache } = this.client;
    for (const id of this.ids) cache.evict({ id: `Image:${id}` });
    this.#list = new ImageList();
    this.#inbox.clear();
    this.#wanted = 1;
    this.#changed();
    void this.#begin(following);
  }

  #changed(): void {
    this.#dirty = true;
    this.#inbox.wake();
  }

  #tell(problem: string | null): void {
    this.state.set({ ...this.state.get(), problem });
  }

  #show(next: () => Arrival | undefined): void {
    const gone: string[] = [];
    this.client.cache.batch({
      update: (cache) => {
        for (let item = next(); item; item = next()) {
          const { id, image } = item;
          if (!image) {
            gone.push(id);
            cache.evict({ id: `Image:${id}` });
          } else if (image.revision >= revisionIn(cache, id)) {
            cache.writeFragment({ id: `Image:${id}`, fragment: TILE_IMAGE, data: image });
          }
        }
      },
    });
    if (gone.length) this.onGone(gone);
    if (!this.#dirty) return;
    this.#dirty = false;
    const { version, problem } = this.state.get();
    this.state.set({ version: version + 1, problem });
  }

  #read(id: string): void {
    if (!this.#toRead.size) setTimeout(() => void this.#readAll(), GATHERING_MILLISECONDS);
    this.#toRead.add(id);
  }

  // Images that are shown stand together: a page has them all, or a few pages.
  async #readAll(): Promise<void> {
    const places = [...this.#toRead].map((id) => this.#list.indexOf(id)).filter((at) => at >= 0);
    this.#toRead.clear();
    places.sort((one, other) => one - other);
    while (places.length) {
      const from = places[0] ?? 0;
      const within = places.filter((at) => at < from + READ_AT_ONCE);
      places.splice(0, within.length);
      const first = (within.at(-1) ?? from) - from + 1;
      const variables = { ...this.#variables(), first, after: this.ids[from - 1] ?? null };
      const { data } = await this.client
        .query({ query: GALLERY_PAGE, variables, fetchPolicy: "no-cache" })
        .catch(() => ({ data: undefined }));
      this.#arrive(data?.project?.images.edges.map(({ node }) => node) ?? []);
    }
  }
}

// Mutations and other pages write images, too.
function revisionIn(cache: ApolloCache, id: string): number {
  return cache.readFragment({ id: `Image:${id}`, fragment: IMAGE_REVISION })?.revision ?? 0;
}
