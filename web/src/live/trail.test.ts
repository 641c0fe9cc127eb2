import { expect, test } from "vitest";
import { trailTo } from "./trail";

const filter = { statuses: [], search: "cell" };

test("leads back through what the gallery shows before an image", () => {
  const ids = ["d", "c", "b", "a"];
  expect(trailTo(2, { ids, filter })).toEqual({ trail: ["d", "c"], filter });
  expect(trailTo(0, { ids, filter }).trail).toEqual([]);
});

test("keeps no more of it than a history bears", () => {
  const ids = Array.from({ length: 10_000 }, (_, i) => `${i}`);
  const { trail } = trailTo(9_000, { ids, filter });
  expect(trail.length).toBe(200);
  expect(trail.at(-1)).toBe("8999");
});
