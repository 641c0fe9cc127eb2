import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchesOf, outcomesOf, spread } from "./upload-batches";

const files = fc.array(fc.record({ size: fc.nat({ max: 60_000_000 }) }), { maxLength: 80 });

test("batches have all files in their order, and each is small or a single file", () => {
  fc.assert(
    fc.property(files, (given) => {
      const batches = batchesOf(given);
      expect(batches.flat()).toEqual(given);
      for (const batch of batches) {
        const bytes = batch.reduce((sum, { size }) => sum + size, 0);
        expect(batch.length >= 1 && batch.length <= 25).toBe(true);
        expect(batch.length === 1 || bytes <= 32_000_000).toBe(true);
      }
    }),
  );
});

test("bytes that came in belong to the files in turn", () => {
  expect(spread([{ size: 10 }, { size: 0 }, { size: 5 }, { size: 5 }], 12)).toEqual([10, 0, 2, 0]);
  expect(spread([{ size: 10 }], 99)).toEqual([10]);
});

describe("what became of files", () => {
  const image = (id: string, name: string, sizeBytes = 1) => ({ id, name, sizeBytes });
  const no = (name: string) => ({ name, code: "NOT_AN_IMAGE", message: "no" });
  const file = (name: string, size = 1) => ({ name, size });

  test("follows from the order and the names", () => {
    const outcomes = outcomesOf(
      [file("a.tif"), file("notes.txt"), file("b.tif")],
      [image("1", "a.tif"), image("2", "b.tif")],
      [no("notes.txt")],
    );
    expect(outcomes).toEqual([
      { state: "stored", imageId: "1" },
      { state: "rejected", code: "NOT_AN_IMAGE", message: "no" },
      { state: "stored", imageId: "2" },
    ]);
  });

  test("is told apart by size where files have one name", () => {
    const outcomes = outcomesOf(
      [file("a.tif", 7), file("a.tif", 9)],
      [image("1", "a.tif", 9)],
      [no("a.tif")],
    );
    expect(outcomes.map(({ state }) => state)).toEqual(["rejected", "stored"]);
  });

  test("is known although the hub keeps names in another form", () => {
    const outcomes = outcomesOf([file(" a\u0007.tif ")], [image("1", "a.tif")], []);
    expect(outcomes).toEqual([{ state: "stored", imageId: "1" }]);
  });

  test.each([
    ["Screenshot at 1.02.03\u202fPM.png", "Screenshot at 1.02.03PM.png"],
    ["a\u3000b.tif", "ab.tif"],
    ["a b.tif", "a b.tif"],
    ['5" dish.tif', '5" dish.tif'],
    ["5%22 dish%0D.tif", '5" dish.tif'],
    ["day\\one.tif", "one.tif"],
    ["\u200b", "unnamed"],
  ])("is known, and that of the files behind it, of %j", (name, asKept) => {
    const outcomes = outcomesOf(
      [file(name), file("b.txt"), file("c.tif")],
      [image("1", asKept), image("2", "c.tif")],
      [no("b.txt")],
    );
    expect(outcomes.map(({ state }) => state)).toEqual(["stored", "rejected", "stored"]);
    expect(outcomes[2]).toEqual({ state: "stored", imageId: "2" });
  });

  test("was stored where the image was deleted since", () => {
    const outcomes = outcomesOf(
      [file("a.tif"), file("b.tif"), file("c.txt")],
      [image("2", "b.tif")],
      [no("c.txt")],
    );
    expect(
      outcomes.map((outcome) => [outcome.state, "imageId" in outcome && outcome.imageId]),
    ).toEqual([
      ["stored", null],
      ["stored", "2"],
      ["rejected", false],
    ]);
  });

  test("is as the hub said, whatever was stored", () => {
    const some = fc.array(fc.record({ name: fc.constantFrom("a", "b", "c"), good: fc.boolean() }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(some, (given) => {
        const sent = given.map(({ name }, at) => file(name, at));
        const images = given.flatMap(({ name, good }, at) =>
          good ? [image(`${at}`, name, at)] : [],
        );
        const rejected = given.flatMap(({ name, good }) => (good ? [] : [no(name)]));
        const outcomes = outcomesOf(sent, images, rejected);
        expect(outcomes.map(({ state }) => state === "stored")).toEqual(
          given.map(({ good }) => good),
        );
      }),
    );
  });
});
