import { type Box, boxAt, boxOf, isInside, type Outlines } from "./outlines";

const CELLS_A_SQUARE = 4;
const MOST_SQUARES = 2 ** 18;

/** Finds cells by where they are: each square of a grid knows those whose boxes reach into it. */
export class Grid {
  readonly #outlines: Outlines;
  readonly #left: number;
  readonly #top: number;
  readonly #side: number;
  readonly #columns: number;
  readonly #rows: number;
  /** Where in `#members` each square begins, and behind the last one where it ends. */
  readonly #starts: Uint32Array;
  readonly #members: Uint32Array;
  /** In which search each cell was found last, lest it be found twice in one. */
  readonly #seen: Uint32Array;
  #search = 0;

  constructor(outlines: Outlines) {
    this.#outlines = outlines;
    const [left, top, right, bottom] = boxOf(outlines.boxes, 0, outlines.boxes.length);
    // Without cells there is no box either: its ends are infinite.
    const width = Math.max(right - left, 1);
    const height = Math.max(bottom - top, 1);
    const squares = Math.min(Math.max(outlines.count / CELLS_A_SQUARE, 1), MOST_SQUARES);
    this.#left = left;
    this.#top = top;
    this.#side = Math.max(Math.sqrt((width * height) / squares), width / 4096, height / 4096);
    this.#columns = Math.floor(width / this.#side) + 1;
    this.#rows = Math.floor(height / this.#side) + 1;
    this.#starts = new Uint32Array(this.#columns * this.#rows + 1);
    for (let cell = 0; cell < outlines.count; cell += 1) {
      this.#visit(boxAt(outlines, cell), (square) => {
        this.#starts[square + 1] = (this.#starts[square + 1] as number) + 1;
      });
    }
    for (let square = 1; square < this.#starts.length; square += 1) {
      this.#starts[square] =
        (this.#starts[square] as number) + (this.#starts[square - 1] as number);
    }
    this.#members = new Uint32Array(this.#starts.at(-1) ?? 0);
    const next = this.#starts.slice();
    for (let cell = 0; cell < outlines.count; cell += 1) {
      this.#visit(boxAt(outlines, cell), (square) => {
        const place = next[square] as number;
        this.#members[place] = cell;
        next[square] = place + 1;
      });
    }
    this.#seen = new Uint32Array(outlines.count);
  }

  /** The cells whose boxes meet a box, each once, in no order. */
  within(box: Box): number[] {
    this.#search += 1;
    const found: number[] = [];
    const [left, top, right, bottom] = box;
    const { boxes } = this.#outlines;
    this.#visit(box, (square) => {
      const end = this.#starts[square + 1] as number;
      for (let place = this.#starts[square] as number; place < end; place += 1) {
        const cell = this.#members[place] as number;
        if (this.#seen[cell] === this.#search) continue;
        this.#seen[cell] = this.#search;
        const at = 4 * cell;
        if (
          (boxes[at] as number) <= right &&
          (boxes[at + 1] as number) <= bottom &&
          (boxes[at + 2] as number) >= left &&
          (boxes[at + 3] as number) >= top
        ) {
          found.push(cell);
        }
      }
    });
    return found;
  }

  /** The cell at a point; of several that with the lowest number, as in masks; null where there is none. */
  at(x: number, y: number): number | null {
    const { ids } = this.#outlines;
    let best: number | null = null;
    for (const cell of this.within([x, y, x, y])) {
      const isBetter = best === null || (ids[cell] as number) < (ids[best] as number);
      if (isBetter && isInside(this.#outlines, cell, x, y)) best = cell;
    }
    return best;
  }

  #visit([left, top, right, bottom]: Box, visit: (square: number) => void): void {
    const last = this.#columns - 1;
    const lowest = this.#rows - 1;
    const from = Math.max(Math.floor((left - this.#left) / this.#side), 0);
    const to = Math.min(Math.floor((right - this.#left) / this.#side), last);
    const low = Math.max(Math.floor((top - this.#top) / this.#side), 0);
    const high = Math.min(Math.floor((bottom - this.#top) / this.#side), lowest);
    for (let row = low; row <= high; row += 1) {
      for (let column = from; column <= to; column += 1) visit(row * this.#columns + column);
    }
  }
}
