import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ImageList } from "./image-list";

const image = (id: string, revision: number) => ({ id, revision });
const change = (id: string, revision: number, matches: boolean) => ({ id, revision, matches });

describe("an image list", () => {
  test("has the pages' images in their order, and knows where to go on", () => {
    const list = new ImageList();
    expect([list.started, list.cursor]).toEqual([false, undefined]);
    list.append([image("f", 1), image("d", 2)], "d");
    expect([list.started, list.complete, list.cursor]).toEqual([true, false, "d"]);
    list.append([image("b", 3)], null);
    expect(list.ids).toEqual(["f", "d", "b"]);
    expect(list.complete).toBe(true);
  });

  test("puts a new image first, and one that comes into the filter where it belongs", () => {
    const list = new ImageList();
    list.append([image("f", 1), image("b", 2)], null);
    list.apply(change("g", 3, true));
    list.apply(change("d", 4, true));
    expect(list.ids).toEqual(["g", "f", "d", "b"]);
    expect(list.indexOf("d")).toBe(2);
    expect(list.indexOf("e")).toBe(-1);
  });

  test("shows what events tell of images behind the pages only once a page gets there", () => {
    const list = new ImageList();
    list.append([image("f", 1), image("d", 2)], "d");
    list.apply(change("b", 9, true));
    list.apply(change("a", 10, true));
    expect(list.ids).toEqual(["f", "d"]);
    list.append([image("c", 3), image("b", 4)], "b");
    expect(list.ids).toEqual(["f", "d", "c", "b"]);
    list.append([], null);
    expect(list.ids).toEqual(["f", "d", "c", "b", "a"]);
  });

  test("does not let a page that was on its way bring back what is gone", () => {
    const list = new ImageList();
    list.apply(change("d", 7, false));
    list.append([image("f", 1), image("d", 2)], null);
    expect(list.ids).toEqual(["f"]);
    expect(list.apply(change("d", 6, true))).toBe(false);
    expect(list.ids).toEqual(["f"]);
  });

  test("keeps out what is new while it is held, and nothing else", () => {
    const list = new ImageList();
    list.append([image("f", 1), image("b", 2)], null);
    list.hold();
    list.apply(change("g", 3, true));
    list.apply(change("h", 4, true));
    list.apply(change("i", 5, true));
    list.apply(change("d", 6, true));
    list.apply(change("h", 7, false));
    expect([list.ids, list.ahead]).toEqual([["f", "d", "b"], 2]);
    list.release();
    expect([list.ids, list.ahead]).toEqual([["i", "g", "f", "d", "b"], 0]);
  });

  test("can't be held before anything is in it", () => {
    const list = new ImageList();
    list.append([], null);
    list.hold();
    list.apply(change("a", 1, true));
    expect(list.ids).toEqual(["a"]);
  });

  test("knows no more than it was told", () => {
    const list = new ImageList();
    list.append([image("f", 1)], null);
    expect(list.apply(change("f", 1, true))).toBe(false);
    expect(list.apply(change("f", 2, true))).toBe(true);
    expect(list.revisionOf("f")).toBe(2);
    expect(list.revisionOf("g")).toBeUndefined();
    expect(list.ids).toEqual(["f"]);
  });
});

/** A hub of one project: its images, its log of changes, and pages as they were at a moment. */
class Model {
  revision = 0;
  readonly images = new Map<string, { id: string; revision: number; matches: boolean }>();
  readonly log: { id: string; revision: number; matches: boolean }[] = [];
  #created = 0;

  create(matches: boolean): void {
    this.#set(String(this.#created++).padStart(4, "0"), matches);
  }

  move(pick: number): void {
    const found = this.#pick(pick);
    if (found) this.#set(found.id, !found.matches);
  }

  delete(pick: number): void {
    const found = this.#pick(pick);
    if (!found) return;
    this.images.delete(found.id);
    this.log.push({ id: found.id, revision: ++this.revision, matches: false });
  }

  page(after: string | undefined, first: number) {
    const found = this.truth().filter((id) => after === undefined || id < after);
    const items = found.slice(0, first).map((id) => {
      const { revision } = this.images.get(id) ?? { revision: 0 };
      return { id, revision };
    });
    return { items, next: found.length > first ? (items.at(-1)?.id ?? null) : null };
  }

  truth(): string[] {
    const matching = [...this.images.values()].filter(({ matches }) => matches);
    return matching.map(({ id }) => id).sort((one, other) => (one < other ? 1 : -1));
  }

  #set(id: string, matches: boolean): void {
    const state = { id, matches, revision: ++this.revision };
    this.images.set(id, state);
    this.log.push(state);
  }

  #pick(pick: number) {
    return [...this.images.values()][pick % Math.max(this.images.size, 1)];
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant("create" as const), matches: fc.boolean() }),
  fc.record({ do: fc.constant("move" as const), pick: fc.nat() }),
  fc.record({ do: fc.constant("delete" as const), pick: fc.nat() }),
  fc.record({ do: fc.constant("ask" as const), first: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant("answer" as const) }),
  fc.record({ do: fc.constant("hold" as const) }),
  fc.record({ do: fc.constant("release" as const) }),
  fc.record({ do: fc.constant("hear" as const), many: fc.integer({ min: 1, max: 5 }) }),
);

test("whatever comes when, the list ends as the hub has it, and never has an image twice", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 12 }), fc.array(step), (before, steps) => {
      const hub = new Model();
      for (const matches of before) hub.create(matches);
      const list = new ImageList();
      let heard = hub.log.length;
      let asked: ReturnType<Model["page"]> | null = null;
      const hear = () => {
        const next = hub.log[heard];
        if (!next) return;
        list.apply(next);
        heard += 1;
      };
      const answer = () => {
        if (asked) list.append(asked.items, asked.next);
        asked = null;
      };
      for (const each of steps) {
        if (each.do === "create") hub.create(each.matches);
        else if (each.do === "move") hub.move(each.pick);
        else if (each.do === "delete") hub.delete(each.pick);
        else if (each.do === "ask" && !list.complete) asked ??= hub.page(list.cursor, each.first);
        else if (each.do === "answer") answer();
        else if (each.do === "hold") list.hold();
        else if (each.do === "release") list.release();
        else if (each.do === "hear") for (let i = 0; i < each.many; i++) hear();
        expect(new Set(list.ids).size).toBe(list.ids.length);
        expect(list.ids).toEqual([...list.ids].sort((one, other) => (one < other ? 1 : -1)));
      }
      answer();
      list.release();
      while (heard < hub.log.length) hear();
      while (!list.complete) {
        const { items, next } = hub.page(list.cursor, 3);
        list.append(items, next);
      }
      expect(list.ids).toEqual(hub.truth());
    }),
    { numRuns: 2_000 },
  );
});
