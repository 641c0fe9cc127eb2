import { ApolloClient, ApolloLink } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { OperationTypeNode } from "graphql";
import { Observable, Subject } from "rxjs";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { makeCache } from "../api/cache";
import type { SegmentationStatus } from "../gql/graphql";
import { Gallery } from "./gallery";
import { TILE_IMAGE } from "./gallery-documents";

const frames: (() => void)[] = [];

vi.stubGlobal("requestAnimationFrame", (work: () => void) => frames.push(work));

afterAll(() => vi.unstubAllGlobals());

beforeEach(() => {
  frames.length = 0;
});

// On a slow machine a frame leaves something to the next one.
function drawFrames(): void {
  while (frames.length) frames.shift()?.();
}

function image(id: string, revision: number, status: SegmentationStatus = "UPLOADED") {
  return {
    __typename: "Image" as const,
    id,
    revision,
    name: `${id}.tif`,
    width: 8,
    height: 8,
    status,
    updatedAt: "2026-01-31T12:00:00Z",
    thumbnailUrl: `/files/${id}?expires=9999999999`,
    error: null,
    segmentation: null,
  };
}

type Shown = ReturnType<typeof image>;

/** A hub that answers pages from a list, and tells what it is told to. */
function hubOf(images: Shown[], revision: number) {
  const asked: { after: string | null; first: number }[] = [];
  const subscribed: number[] = [];
  const streams: Subject<{ data: object }>[] = [];
  const link = new ApolloLink(({ operationType, variables }) => {
    if (operationType === OperationTypeNode.SUBSCRIPTION) {
      subscribed.push(variables.after);
      const stream = new Subject<{ data: object }>();
      streams.push(stream);
      return stream;
    }
    asked.push({ after: variables.after, first: variables.first });
    const behind = images.filter(({ id }) => !variables.after || id < variables.after);
    const nodes = behind.slice(0, variables.first ?? 500);
    const images_ = {
      __typename: "ImageConnection",
      edges: nodes.map((node) => ({ __typename: "ImageEdge", node })),
      pageInfo: {
        __typename: "PageInfo",
        endCursor: nodes.at(-1)?.id ?? null,
        hasNextPage: behind.length > nodes.length,
      },
    };
    const stats = { __typename: "ProjectStats", revision };
    const project = { __typename: "Project", id: "prj", stats, images: images_ };
    return new Observable((observer) => {
      queueMicrotask(() => {
        observer.next({ data: { project } });
        observer.complete();
      });
    });
  });
  const client = new ApolloClient({ cache: makeCache(), link });
  const tell = (imageId: string, of: number, shown: Shown | null, progress: number | null = null) =>
    streams.at(-1)?.next({
      data: {
        segmentationUpdated: {
          __typename: "SegmentationUpdate",
          imageId,
          revision: of,
          progress,
          image: shown,
        },
      },
    });
  const read = (id: string) =>
    client.cache.readFragment({ id: `Image:${id}`, fragment: TILE_IMAGE });
  return { client, asked, subscribed, streams, tell, read };
}

const ALL = { statuses: [], search: "" };
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

async function followed(images: Shown[], filter: ConstructorParameters<typeof Gallery>[2] = ALL) {
  const hub = hubOf(images, 40);
  const gallery = new Gallery(hub.client, "prj", filter);
  const stop = gallery.follow();
  await settled();
  drawFrames();
  return { ...hub, gallery, stop };
}

describe("a gallery", () => {
  test("shows the first page, and follows from its revision", async () => {
    const { gallery, subscribed, read } = await followed([image("b", 2), image("a", 1)]);
    expect(gallery.ids).toEqual(["b", "a"]);
    expect(gallery.complete).toBe(true);
    expect(subscribed).toEqual([40]);
    expect(read("b")?.revision).toBe(2);
  });

  test("loads as far as it is asked to, page by page", async () => {
    const many = Array.from({ length: 700 }, (_, at) => image(`i${999 - at}`, at + 1));
    const { gallery, asked } = await followed(many);
    expect(gallery.ids).toHaveLength(100);
    gallery.ensure(250);
    await settled();
    expect(gallery.ids).toHaveLength(300);
    expect(asked.map(({ after }) => after)).toEqual([null, "i900"]);
  });

  test("puts changes into the cache with the next frame, the newest of each", async () => {
    const { gallery, tell, read } = await followed([image("b", 2), image("a", 1)]);
    tell("b", 41, image("b", 41, "QUEUED"));
    tell("b", 42, image("b", 42, "PROCESSING"), 0.5);
    expect(read("b")?.status).toBe("UPLOADED");
    const before = gallery.state.get().version;
    drawFrames();
    expect(read("b")?.status).toBe("PROCESSING");
    expect(gallery.state.get().version).toBe(before);
  });

  test("takes in what is new, and leaves out what is gone or does not match any more", async () => {
    const { gallery, tell, read } = await followed([image("c", 2), image("a", 1)], {
      statuses: ["UPLOADED"],
      search: "",
    });
    const gone = vi.fn();
    gallery.onGone = gone;
    tell("d", 41, image("d", 41));
    tell("c", 42, image("c", 42, "QUEUED"));
    tell("a", 43, null);
    tell("e", 44, image("e", 44, "FAILED"));
    drawFrames();
    expect(gallery.ids).toEqual(["d"]);
    expect(gone).toHaveBeenCalledExactlyOnceWith(["a"]);
    expect(read("a")).toBeNull();
    expect(read("e")).toBeNull();
  });

  test("keeps new images out while it is held, but at hand", async () => {
    const { gallery, tell, read } = await followed([image("b", 2), image("a", 1)]);
    gallery.hold(true);
    tell("c", 41, image("c", 41));
    drawFrames();
    expect([gallery.ids, gallery.ahead]).toEqual([["b", "a"], 1]);
    expect(read("c")?.revision).toBe(41);
    const before = gallery.state.get().version;
    gallery.hold(false);
    drawFrames();
    expect(gallery.ids).toEqual(["c", "b", "a"]);
    expect(gallery.state.get().version).toBe(before + 1);
  });

  test("goes on where it stopped when it is followed again", async () => {
    const { gallery, stop, tell, subscribed, asked } = await followed([image("a", 1)]);
    tell("b", 57, image("b", 57));
    stop();
    gallery.follow();
    await settled();
    expect(subscribed).toEqual([40, 57]);
    expect(asked).toHaveLength(1);
  });

  test("starts over where the hub does not know any more what it missed", async () => {
    const { gallery, streams, subscribed, asked } = await followed([image("a", 1)]);
    streams[0]?.error(
      new CombinedGraphQLErrors({
        errors: [{ message: "too old", extensions: { code: "CURSOR_EXPIRED" } }],
      }),
    );
    await settled();
    expect(asked).toHaveLength(2);
    expect(subscribed).toEqual([40, 40]);
    expect(gallery.ids).toEqual(["a"]);
  });

  test("stops when it is told to, also after it started over", async () => {
    const { stop, streams } = await followed([image("a", 1)]);
    streams[0]?.error(
      new CombinedGraphQLErrors({
        errors: [{ message: "too old", extensions: { code: "CURSOR_EXPIRED" } }],
      }),
    );
    await settled();
    expect(streams.map(({ observed }) => observed)).toEqual([false, true]);
    stop();
    expect(streams.map(({ observed }) => observed)).toEqual([false, false]);
  });

  test("does not let what was read before undo what was told since", async () => {
    const { gallery, tell, read, client } = await followed([image("b", 2), image("a", 1)]);
    tell("b", 50, image("b", 50, "SEGMENTED"));
    drawFrames();
    client.cache.evict({ id: "Image:a" });
    gallery.restore("a");
    gallery.restore("b");
    await new Promise((resolve) => setTimeout(resolve, 150));
    drawFrames();
    expect(read("a")?.revision).toBe(1);
    expect(read("b")?.revision).toBe(50);
  });

  test("finds all ids of its filter, also of what is not loaded", async () => {
    const many = Array.from({ length: 1_200 }, (_, at) => image(`i${9_999 - at}`, at + 1));
    const { gallery } = await followed(many);
    expect(await gallery.everyId()).toEqual(many.map(({ id }) => id));
    expect(gallery.ids).toHaveLength(100);
  });
});
