import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HubError } from "../api/errors";
import { type HubProgress, type UploadAnswer, UploadManager } from "./upload-manager";

interface Call {
  uploadId: string;
  files: readonly File[];
  onSent: (bytes: number) => void;
  answer: (answer: UploadAnswer) => void;
  refuse: (error: Error) => void;
}

function started() {
  const calls: Call[] = [];
  const watchers = new Map<string, (progress: HubProgress) => void>();
  const manager = new UploadManager({
    send: ({ uploadId, files }, onSent) =>
      new Promise((answer, refuse) => calls.push({ uploadId, files, onSent, answer, refuse })),
    watch: (uploadId, next) => {
      watchers.set(uploadId, next);
      return () => watchers.delete(uploadId);
    },
    pause: async () => {},
  });
  return { manager, calls, watchers };
}

const NETWORK = new HubError("NETWORK", "gone");
const file = (name: string, content = "12345") => new File([content], name);
const many = (count: number) => Array.from({ length: count }, (_, at) => file(`${at}.tif`));
const stored = (files: readonly File[]): UploadAnswer => ({
  images: files.map(({ name, size }) => ({ id: `img-${name}`, name, sizeBytes: size })),
  rejected: [],
});
const settled = () => vi.advanceTimersByTimeAsync(1_000);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("uploads", () => {
  test("send batches two at a time, each under a name of its own", async () => {
    const { manager, calls } = started();
    manager.add("prj", many(60));
    expect(calls.map(({ files }) => files.length)).toEqual([25, 25]);
    expect(manager.totals()).toMatchObject({ files: 60, waiting: 10, active: true });
    calls[0]?.answer(stored(calls[0].files));
    await settled();
    expect(calls.map(({ files }) => files.length)).toEqual([25, 25, 10]);
    expect(new Set(calls.map(({ uploadId }) => uploadId)).size).toBe(3);
    calls[1]?.answer(stored(calls[1].files));
    calls[2]?.answer(stored(calls[2].files));
    await settled();
    expect(manager.totals()).toMatchObject({ stored: 60, waiting: 0, active: false });
  });

  test("show what the hub says, and the browser's word only before it", () => {
    const { manager, calls, watchers } = started();
    manager.add("prj", [file("a"), file("b")]);
    const [call] = calls;
    call?.onSent(7);
    expect(manager.files.map(({ received }) => received)).toEqual([5, 2]);
    watchers.get(call?.uploadId ?? "")?.({ bytesReceived: 5, filesStored: 1, filesRejected: 0 });
    call?.onSent(10);
    expect(manager.files.map(({ state }) => state)).toEqual(["checking", "sending"]);
    expect(manager.totals()).toMatchObject({ received: 5, stored: 1 });
  });

  test("tell of each file what became of it", async () => {
    const { manager, calls, watchers } = started();
    manager.add("prj", [file("a"), file("b")]);
    calls[0]?.answer({
      images: [{ id: "img", name: "b", sizeBytes: 5 }],
      rejected: [{ name: "a", code: "NOT_AN_IMAGE", message: "This is no image." }],
    });
    await settled();
    const [a, b] = manager.files;
    expect(a).toMatchObject({ state: "rejected", code: "NOT_AN_IMAGE", received: 5 });
    expect(b).toMatchObject({ state: "stored", imageId: "img" });
    expect(watchers.size).toBe(0);
  });

  test("are sent again by themselves under the same name when the network fails", async () => {
    const { manager, calls } = started();
    manager.add("prj", [file("a")]);
    calls[0]?.refuse(NETWORK);
    await settled();
    expect(calls[1]?.uploadId).toBe(calls[0]?.uploadId);
    calls[1]?.answer(stored(calls[1].files));
    await settled();
    expect(manager.totals()).toMatchObject({ stored: 1, failed: 0 });
  });

  test("fail after some attempts, and go on where people ask for it", async () => {
    const { manager, calls } = started();
    manager.add("prj", [file("a")]);
    for (let attempt = 0; attempt < 8; attempt++) {
      calls[attempt]?.refuse(NETWORK);
      await settled();
    }
    expect(calls).toHaveLength(8);
    expect(manager.files[0]).toMatchObject({ state: "failed", code: "NETWORK", message: "gone" });
    manager.retry();
    expect(calls[8]?.uploadId).toBe(calls[0]?.uploadId);
    expect(manager.totals()).toMatchObject({ failed: 0, active: true });
  });

  test("end all together where the hub refuses the project", async () => {
    const { manager, calls } = started();
    manager.add("prj", many(80));
    manager.add("other", [file("b")]);
    calls[0]?.refuse(new HubError("FORBIDDEN", "You may not do this."));
    await settled();
    expect(manager.totals()).toMatchObject({ failed: 55, waiting: 0 });
    expect(calls.map(({ files }) => files.length)).toEqual([25, 25, 1]);
  });

  test("let go of what waits, and of that alone", async () => {
    const { manager, calls } = started();
    manager.add("prj", many(60));
    manager.cancelWaiting();
    expect(manager.totals()).toMatchObject({ files: 50, waiting: 0, active: true });
    calls[0]?.answer(stored(calls[0].files));
    await settled();
    expect(calls).toHaveLength(2);
    manager.clear();
    expect(manager.files).toHaveLength(25);
  });

  test("tell of changes ten times a second at most", async () => {
    const { manager, calls } = started();
    manager.add("prj", [file("a")]);
    for (let bytes = 0; bytes < 5; bytes++) calls[0]?.onSent(bytes);
    await vi.advanceTimersByTimeAsync(99);
    expect(manager.version.get()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(manager.version.get()).toBe(1);
  });
});
