import fc from "fast-check";
import { expect, test } from "vitest";
import { binOf, histogramOf } from "./histogram";

test("equal bins reach from the least to the greatest value", () => {
  expect(histogramOf(Float64Array.of(0, 1, 2, 3, 4), 2)).toEqual({
    low: 0,
    high: 4,
    counts: [2, 3],
  });
});

test("values that are all the same are in one bin", () => {
  expect(histogramOf(Float64Array.of(5, 5), 3)?.counts).toEqual([2, 0, 0]);
});

test("there is none of nothing", () => {
  expect(histogramOf(Float64Array.of(Number.NaN), 3)).toBeNull();
});

test("each number is in one bin, which is the one that is told", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constant(Number.NaN))),
      fc.integer({ min: 1, max: 9 }),
      (numbers, bins) => {
        const there = numbers.filter((number) => !Number.isNaN(number));
        const histogram = histogramOf(Float64Array.from(numbers), bins);
        const counts = new Array(histogram ? bins : 0).fill(0);
        for (const number of there) {
          counts[(histogram && binOf(histogram, number)) ?? Number.NaN] += 1;
        }
        expect(histogram?.counts ?? []).toEqual(counts);
      },
    ),
  );
});
