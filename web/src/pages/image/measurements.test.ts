import fc from "fast-check";
import { expect, test } from "vitest";
import { measurementsOf, median, sorted } from "./measurements";

const HEADER =
  "image,image_id,label,area_px2,perimeter_px,centroid_x_px,centroid_y_px,circularity,pixel_count";

test("a table has its columns, the most telling ones first", async () => {
  const { columns, count, rows } = await measurementsOf(
    `${HEADER},mean_intensity_0,mean_intensity_1\r\n` +
      `"'=1, ""a"".tif",img_1,1,12.5,14,3.5,4.5,0.8,12,7.25,\r\n` +
      "nuclei.tif,img_1,7,20,16,13,14,0.98,20,8,\r\n",
  );
  expect(columns.map(({ key }) => key)).toEqual([
    "label",
    "area_px2",
    "circularity",
    "mean_intensity_0",
    "perimeter_px",
    "pixel_count",
    "centroid_x_px",
    "centroid_y_px",
  ]);
  expect(count).toBe(2);
  expect(rows.get(7)).toBe(1);
  expect([...(columns[1]?.values ?? [])]).toEqual([12.5, 20]);
});

test("what is no such table is refused", async () => {
  await expect(measurementsOf("")).rejects.toThrow("no table");
  await expect(measurementsOf('{"code":"NOT_FOUND"}')).rejects.toThrow("no table");
});

test("a table without rows has no cells", async () => {
  expect((await measurementsOf(`${HEADER}\r\n`)).count).toBe(0);
});

test("cells without a value come last, whichever way the table is sorted", () => {
  const values = Float64Array.of(2, Number.NaN, 3, 1);
  expect([...sorted(values, false)]).toEqual([3, 0, 2, 1]);
  expect([...sorted(values, true)]).toEqual([2, 0, 3, 1]);
});

test("cells of one value stay in the order of the table", () => {
  expect([...sorted(Float64Array.of(1, 0, 1, 0), true)]).toEqual([0, 2, 1, 3]);
});

test("the median has as many below as above", () => {
  expect(median(Float64Array.of())).toBeNaN();
  expect(median(Float64Array.of(4, 1, Number.NaN, 3, 2))).toBe(2.5);
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (numbers) => {
      const middle = median(Float64Array.from(numbers));
      const below = numbers.filter((number) => number < middle).length;
      const above = numbers.filter((number) => number > middle).length;
      expect(Math.max(below, above)).toBeLessThanOrEqual(numbers.length / 2);
    }),
  );
});
