import { afterEach, expect, test, vi } from "vitest";
import { Inbox } from "./inbox";

interface Item {
  id: string;
  revision: number;
}

function opened(each: () => void = () => {}) {
  const frames: (() => void)[] = [];
  const portions: Item[][] = [];
  const inbox = new Inbox<Item>(
    (next) => {
      const portion: Item[] = [];
      for (let item = next(); item; item = next()) {
        portion.push(item);
        each();
      }
      portions.push(portion);
    },
    (work) => frames.push(work),
  );
  return { inbox, frames, portions };
}

afterEach(() => vi.restoreAllMocks());

test("an inbox hands on what came in before a frame at once, the newest state of each", () => {
  const { inbox, frames, portions } = opened();
  inbox.put({ id: "a", revision: 1 });
  inbox.put({ id: "b", revision: 2 });
  inbox.put({ id: "a", revision: 3 });
  expect(frames).toHaveLength(1);
  frames.shift()?.();
  expect(portions).toEqual([
    [
      { id: "a", revision: 3 },
      { id: "b", revision: 2 },
    ],
  ]);
  expect(frames).toHaveLength(0);
});

test("an inbox leaves to the next frame what this one has no time for", () => {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const { inbox, frames, portions } = opened(() => {
    now += 4;
  });
  for (const id of ["a", "b", "c"]) inbox.put({ id, revision: 1 });
  frames.shift()?.();
  expect(portions.at(-1)?.map(({ id }) => id)).toEqual(["a", "b"]);
  frames.shift()?.();
  expect(portions.at(-1)?.map(({ id }) => id)).toEqual(["c"]);
  expect(frames).toHaveLength(0);
});

test("an inbox that is woken looks in without anything waiting, and forgets what is cleared", () => {
  const { inbox, frames, portions } = opened();
  inbox.put({ id: "a", revision: 1 });
  inbox.clear();
  inbox.wake();
  expect(frames).toHaveLength(1);
  frames.shift()?.();
  expect(portions).toEqual([[]]);
});
