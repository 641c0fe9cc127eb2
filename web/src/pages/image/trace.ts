import type { Outlines } from "./outlines";

/** Where the picture is: a pixel (x, y) of it is at (x · scale + left, y · scale + top). */
export interface View {
  scale: number;
  left: number;
  top: number;
  /** Of the screen, in its own pixels. */
  width: number;
  height: number;
}

interface Pen {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  closePath(): void;
}

/** Cells that are smaller on the screen are drawn as their boxes. */
export const SMALL = 3;
/** Corners that are nearer to the one before, both ways, are left out: nobody could see them. */
const NEAR = 0.7;

/** Puts the outline of a cell into the path that the pen draws; returns how many corners it took. */
export function trace(pen: Pen, outlines: Outlines, cell: number, view: View): number {
  const { boxes, cells, rings, points } = outlines;
  const { scale, left, top } = view;
  const at = 4 * cell;
  const width = ((boxes[at + 2] as number) - (boxes[at] as number)) * scale;
  const height = ((boxes[at + 3] as number) - (boxes[at + 1] as number)) * scale;
  if (width < SMALL && height < SMALL) {
    const x = (boxes[at] as number) * scale + left;
    const y = (boxes[at + 1] as number) * scale + top;
    pen.rect(x, y, width, height);
    return 4;
  }
  let corners = 0;
  const lastRing = cells[cell + 1] as number;
  for (let ring = cells[cell] as number; ring < lastRing; ring += 1) {
    const from = rings[ring] as number;
    const to = rings[ring + 1] as number;
    if (from === to) continue;
    let x0 = (points[from] as number) * scale + left;
    let y0 = (points[from + 1] as number) * scale + top;
    pen.moveTo(x0, y0);
    corners += 1;
    for (let index = from + 2; index < to; index += 2) {
      const x = (points[index] as number) * scale + left;
      const y = (points[index + 1] as number) * scale + top;
      if (Math.abs(x - x0) < NEAR && Math.abs(y - y0) < NEAR) continue;
      pen.lineTo(x, y);
      corners += 1;
      x0 = x;
      y0 = y;
    }
    pen.closePath();
  }
  return corners;
}
