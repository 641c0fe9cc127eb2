import { expect, test, vi } from "vitest";
import { Selection } from "./selection";

const LIST = ["e", "d", "c", "b", "a"];

test("a click selects an image, another one takes it out again", () => {
  const selection = new Selection();
  selection.toggle("c");
  expect(selection.has("c")).toBe(true);
  selection.toggle("c");
  expect(selection.size).toBe(0);
});

test("a range goes from the image clicked last to this one, in either direction", () => {
  const selection = new Selection();
  selection.toggle("d");
  selection.extend("b", LIST);
  expect(selection.all()).toEqual(["d", "c", "b"]);
  selection.toggle("a");
  selection.extend("e", LIST);
  expect(selection.size).toBe(5);
});

test("a range without a beginning is a click", () => {
  const selection = new Selection();
  selection.extend("c", LIST);
  selection.extend("a", LIST);
  expect(selection.all()).toEqual(["c", "b", "a"]);
  selection.clear();
  selection.extend("d", LIST);
  expect(selection.all()).toEqual(["d"]);
});

test("who listens hears of changes, and of nothing else", () => {
  const selection = new Selection();
  const listener = vi.fn();
  const stop = selection.subscribe(listener);
  selection.add(["a", "b"]);
  selection.remove(["c"]);
  selection.remove(["a"]);
  selection.clear();
  selection.clear();
  expect(listener).toHaveBeenCalledTimes(3);
  stop();
  selection.add(["a"]);
  expect(listener).toHaveBeenCalledTimes(3);
});
