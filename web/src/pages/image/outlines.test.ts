import fc from "fast-check";
import { expect, test } from "vitest";
import { shadesOf } from "./colours";
import { Grid } from "./grid";
import { boxAt, isInside, OutlinesBuilder } from "./outlines";
import { trace } from "./trace";

type Ring = [number, number][];

function collection(cells: Ring[][]) {
  const builder = new OutlinesBuilder();
  cells.forEach((coordinates, index) => {
    builder.add({
      type: "Feature",
      properties: { id: 10 * (index + 1) },
      geometry: { type: "Polygon", coordinates },
    });
  });
  return builder.build();
}

function square(left: number, top: number, side: number): Ring {
  const [right, bottom] = [left + side, top + side];
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
    [left, top],
  ];
}

const squares = fc.array(
  fc.record({
    left: fc.integer({ min: -20, max: 200 }),
    top: fc.integer({ min: -20, max: 200 }),
    side: fc.integer({ min: 1, max: 60 }),
  }),
  { maxLength: 60 },
);

test("a hole is no part of its cell, whichever ways the rings run", () => {
  const ways: Ring[][] = [
    [square(0, 0, 10), square(4, 4, 2)],
    [square(0, 0, 10).reverse(), square(4, 4, 2)],
    [square(0, 0, 10).reverse(), square(4, 4, 2).reverse()],
  ];
  for (const rings of ways) {
    const outlines = collection([rings]);
    expect(outlines.areas[0]).toBe(96);
    expect(isInside(outlines, 0, 1, 1)).toBe(true);
    expect(isInside(outlines, 0, 5, 5)).toBe(false);
    expect(isInside(outlines, 0, 11, 5)).toBe(false);
    expect(winding(outlines, 0, 1, 1)).not.toBe(0);
    expect(winding(outlines, 0, 5, 5)).toBe(0);
  }
});

// How often the rings run around a point: what canvases fill by.
function winding(outlines: ReturnType<typeof collection>, cell: number, x: number, y: number) {
  const { cells, rings, points } = outlines;
  let turns = 0;
  for (let ring = cells[cell] ?? 0; ring < (cells[cell + 1] ?? 0); ring += 1) {
    const corners = points.subarray(rings[ring], rings[ring + 1]);
    for (let index = 0; index < corners.length; index += 2) {
      const [x0 = 0, y0 = 0] = corners.subarray(index);
      const [x1 = 0, y1 = 0] = corners.subarray((index + 2) % corners.length);
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)) {
        turns += y1 > y0 ? 1 : -1;
      }
    }
  }
  return turns;
}

test("the grid finds the cells whose boxes meet a box, each once", () => {
  fc.assert(
    fc.property(squares, squares, (cells, searches) => {
      const outlines = collection(cells.map(({ left, top, side }) => [square(left, top, side)]));
      const grid = new Grid(outlines);
      for (const { left, top, side } of searches) {
        const found = grid.within([left, top, left + side, top + side]);
        const meant = [...outlines.ids.keys()].filter((cell) => {
          const [x0, y0, x1, y1] = boxAt(outlines, cell);
          return x0 <= left + side && y0 <= top + side && x1 >= left && y1 >= top;
        });
        expect(found.sort((one, other) => one - other)).toEqual(meant);
      }
    }),
  );
});

test("of cells that overlap, a point is the first one's", () => {
  const grid = new Grid(collection([[square(0, 0, 10)], [square(5, 5, 10)]]));
  expect(grid.at(7, 7)).toBe(0);
  expect(grid.at(12, 12)).toBe(1);
  expect(grid.at(30, 30)).toBeNull();
});

test("a grid of no cells finds none", () => {
  const grid = new Grid(collection([]));
  expect(grid.at(0, 0)).toBeNull();
  expect(grid.within([-10, -10, 10, 10])).toEqual([]);
});

test("colours by area are as many of each, from small to large", () => {
  const cells = Array.from({ length: 80 }, (_, index) => [square(0, 0, 80 - index)]);
  const shades = shadesOf(collection(cells), "area");
  expect(shades[0]).toBe(7);
  expect(shades[79]).toBe(0);
  expect(shades.filter((shade) => shade === 3)).toHaveLength(10);
});

test("outlines are drawn where the view has them; what is too small, as its box", () => {
  const outlines = collection([[square(10, 20, 4)]]);
  const drawn: string[] = [];
  const pen = {
    moveTo: (x: number, y: number) => drawn.push(`M${x},${y}`),
    lineTo: (x: number, y: number) => drawn.push(`L${x},${y}`),
    rect: (...box: number[]) => drawn.push(`R${box}`),
    closePath: () => drawn.push("Z"),
  };
  trace(pen, outlines, 0, { scale: 2, left: 5, top: -1, width: 100, height: 100 });
  expect(drawn.join(" ")).toBe("M25,39 L33,39 L33,47 L25,47 Z");
  drawn.length = 0;
  trace(pen, outlines, 0, { scale: 0.5, left: 0, top: 0, width: 100, height: 100 });
  expect(drawn.join(" ")).toBe("R5,10,2,2");
});
