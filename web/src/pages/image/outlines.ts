type Feature = GeoJSON.Feature<GeoJSON.Polygon, { id: number }>;

/** Left, top, right and bottom, in pixels. */
export type Box = readonly [number, number, number, number];

/**
 * The outlines of an image's cells, in a few blocks of memory instead of a hundred thousand objects.
 *
 * Coordinates are pixels: x to the right, y down, from the corner of the top left pixel. Cells are
 * meant by their place, from 0; `ids` has their numbers.
 */
export interface Outlines {
  count: number;
  ids: Uint32Array;
  /** x and y of all corners, ring by ring; rings are not closed. */
  points: Float32Array;
  /** Where in `points` each ring begins, and behind the last one where it ends. */
  rings: Uint32Array;
  /** Where in `rings` each cell begins, and behind the last one where it ends. */
  cells: Uint32Array;
  /** Four numbers a cell. */
  boxes: Float32Array;
  /** Without holes, in square pixels. */
  areas: Float64Array;
  places: ReadonlyMap<number, number>;
}

/**
 * Takes outlines, cell by cell.
 *
 * Outer rings all run one way and holes the other, so that filling by winding leaves holes out.
 */
export class OutlinesBuilder {
  readonly #ids: number[] = [];
  readonly #points: number[] = [];
  readonly #rings: number[] = [0];
  readonly #cells: number[] = [0];
  readonly #areas: number[] = [];

  add({ geometry, properties }: Feature): void {
    let total = 0;
    geometry.coordinates.forEach((ring, index) => {
      const area = signedArea(ring);
      const isHole = index > 0;
      total += isHole ? -Math.abs(area) : Math.abs(area);
      this.#put(area < 0 === isHole ? ring : ring.toReversed());
    });
    this.#ids.push(properties.id);
    this.#areas.push(total);
    this.#cells.push(this.#rings.length - 1);
  }

  build(): Outlines {
    const [ids, points] = [Uint32Array.from(this.#ids), Float32Array.from(this.#points)];
    const [rings, cells] = [Uint32Array.from(this.#rings), Uint32Array.from(this.#cells)];
    const boxes = new Float32Array(4 * ids.length);
    const place = (cell: number) => rings[cells[cell] as number] as number;
    for (let cell = 0; cell < ids.length; cell += 1) {
      boxes.set(boxOf(points, place(cell), place(cell + 1)), 4 * cell);
    }
    return {
      count: ids.length,
      ids,
      points,
      rings,
      cells,
      boxes,
      areas: Float64Array.from(this.#areas),
      places: new Map(this.#ids.map((id, cell) => [id, cell])),
    };
  }

  // The last corner is the first one again.
  #put(ring: GeoJSON.Position[]): void {
    for (let index = 0; index < ring.length - 1; index += 1) {
      const [x = 0, y = 0] = ring[index] as GeoJSON.Position;
      this.#points.push(x, y);
    }
    this.#rings.push(this.#points.length);
  }
}

function signedArea(ring: GeoJSON.Position[]): number {
  let twice = 0;
  for (let index = 1; index < ring.length; index += 1) {
    const [x0 = 0, y0 = 0] = ring[index - 1] as GeoJSON.Position;
    const [x1 = 0, y1 = 0] = ring[index] as GeoJSON.Position;
    twice += x0 * y1 - x1 * y0;
  }
  return twice / 2;
}

/** The box around the corners between two places; a box of infinities where there are none. */
export function boxOf(points: Float32Array, from: number, to: number): Box {
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (let index = from; index < to; index += 2) {
    const x = points[index] as number;
    const y = points[index + 1] as number;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return [left, top, right, bottom];
}

export function boxAt({ boxes }: Outlines, cell: number): Box {
  const at = 4 * cell;
  return [
    boxes[at] as number,
    boxes[at + 1] as number,
    boxes[at + 2] as number,
    boxes[at + 3] as number,
  ];
}

/** Whether a point is inside a cell: even-odd over its rings, as the hub's masks have it. */
export function isInside(outlines: Outlines, cell: number, x: number, y: number): boolean {
  const { cells, rings, points } = outlines;
  let inside = false;
  for (let ring = cells[cell] as number; ring < (cells[cell + 1] as number); ring += 1) {
    const from = rings[ring] as number;
    const to = rings[ring + 1] as number;
    let x0 = points[to - 2] as number;
    let y0 = points[to - 1] as number;
    for (let index = from; index < to; index += 2) {
      const x1 = points[index] as number;
      const y1 = points[index + 1] as number;
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)) inside = !inside;
      x0 = x1;
      y0 = y1;
    }
  }
  return inside;
}
