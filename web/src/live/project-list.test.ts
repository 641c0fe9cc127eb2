import { expect, test } from "vitest";
import { lacks, readAsFarAs } from "./project-list";

function list(cursors: readonly string[], hasNextPage: boolean) {
  return { edges: cursors.map((cursor) => ({ cursor })), pageInfo: { hasNextPage } };
}

test("a list lacks what belongs into what is loaded of it, and is not there", () => {
  expect(lacks(list(["9", "7"], true), "8")).toBe(true);
  expect(lacks(list(["9", "7"], true), "7")).toBe(false);
  expect(lacks(list([], false), "7")).toBe(true);
});

test("what is behind the pages that are loaded is not lacking, unless they are all", () => {
  expect(lacks(list(["9", "7"], true), "3")).toBe(false);
  expect(lacks(list(["9", "7"], false), "3")).toBe(true);
});

test.each([
  ["8", [null]],
  ["7", [null, "8"]],
  ["2", [null, "8", "6", "4"]],
  ["1", [null, "8", "6", "4"]],
])("a list whose end is %s is read that far", async (end, asked) => {
  const pages: (string | null)[] = [];
  const ids = ["9", "8", "7", "6", "5", "4", "3", "2"];
  await readAsFarAs(end, async (after) => {
    pages.push(after);
    const from = after === null ? 0 : ids.indexOf(after) + 1;
    return { hasNextPage: from + 2 < ids.length, endCursor: ids[from + 1] ?? null };
  });
  expect(pages).toEqual(asked);
});
