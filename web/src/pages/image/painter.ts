import { type Colouring, PALETTES, shadesOf } from "./colours";
import { Grid } from "./grid";
import type { Box, Outlines } from "./outlines";
import { SMALL, trace, type View } from "./trace";

export interface Style {
  visible: boolean;
  /** Of what is inside, 0 to 1. */
  fill: number;
  colouring: Colouring;
}

/** So many corners are drawn anew with each frame; where there are more, that is done beside it. */
const CORNERS_A_FRAME = 5_000;
const BUDGET_MILLISECONDS = 5;
/** Corners that are filled and drawn in one go. */
const BATCH = 2_000;
/** What a layer has around the screen, as a share of it. */
const MARGIN = 0.3;
/** How wide lines are, whatever the zoom: as long as cells are larger than they are. */
const LINE = 1.6;
/** Beside each line where there is room, so that it is seen on white, too. */
const HALO = "rgb(0 0 0 / 45%)";
const ROOM_FOR_HALO = 20;
const ROOM_FOR_LINES = 8;
/** How cells are filled that are too small for lines. */
const FAINT = 0.45;

/** A drawing of all cells around a view, made beside the frames and moved along with the picture. */
interface Layer {
  canvas: HTMLCanvasElement;
  view: View;
}

interface Work extends Layer {
  cells: readonly number[];
  done: number;
}

/**
 * Draws outlines over a picture. All is in pixels of the screen.
 *
 * Few cells are drawn with each frame. Of many a drawing is kept, which is moved and scaled with the
 * picture, and a better one made meanwhile, a few milliseconds in each frame.
 */
export class Painter {
  readonly #canvas: HTMLCanvasElement;
  #outlines: Outlines | null = null;
  #grid: Grid | null = null;
  #shades = new Uint8Array();
  /** The side of a square as large as a cell is on average. */
  #side = 0;
  #style: Style = { visible: true, fill: 0, colouring: "none" };
  #view: View | null = null;
  #ratio = 1;
  #hovered: number | null = null;
  #selected: number | null = null;
  /** Kept while few cells are on the screen, for when they are many again. */
  #layer: Layer | null = null;
  #isFew = false;
  #work: Work | null = null;
  #frame = 0;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  /** Draws these outlines from now on. What is there stays until they are drawn. */
  show(outlines: Outlines | null): void {
    this.#outlines = outlines;
    this.#grid = outlines && new Grid(outlines);
    this.#side = outlines ? sideOf(outlines) : 0;
    this.#hovered = null;
    this.#selected = null;
    this.#colour();
  }

  style(style: Style): void {
    this.#style = style;
    this.#colour();
  }

  /** Cells that stand out, by their places. */
  mark(hovered: number | null, selected: number | null): void {
    if (hovered === this.#hovered && selected === this.#selected) return;
    this.#hovered = hovered;
    this.#selected = selected;
    this.#request();
  }

  /** Follows the picture, in this very frame; `ratio` is how many pixels of the canvas are one. */
  follow(view: View, ratio: number): void {
    this.#view = view;
    if (ratio !== this.#ratio) {
      this.#ratio = ratio;
      this.#layer = null;
      this.#work = null;
    }
    const width = Math.round(view.width * ratio);
    const height = Math.round(view.height * ratio);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#paint();
  }

  /** The cell at a point of the picture. */
  at(x: number, y: number): number | null {
    return this.#style.visible ? (this.#grid?.at(x, y) ?? null) : null;
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#work = null;
    this.#layer = null;
  }

  #colour(): void {
    this.#shades = this.#outlines
      ? shadesOf(this.#outlines, this.#style.colouring)
      : new Uint8Array();
    this.#work = null;
    // What is seen stays until there is something better.
    if (this.#isFew || !this.#outlines) this.#layer = null;
    if (this.#layer) this.#layer = { ...this.#layer, view: { ...this.#layer.view, width: 0 } };
    this.#request();
  }

  #request(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#advance();
      this.#paint();
    });
  }

  #paint(): void {
    const context = this.#canvas.getContext("2d");
    const view = this.#view;
    if (!context || !view) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    const outlines = this.#outlines;
    if (!outlines || !this.#grid || !this.#style.visible) return;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const isKept = !this.#isFew && this.#layer !== null && covers(this.#layer.view, view);
    const cells = isKept ? [] : this.#grid.within(boxOn(view));
    this.#isFew = !isKept && cornersOf(outlines, cells) <= CORNERS_A_FRAME;
    if (this.#isFew) {
      this.#work = null;
      const sorted = this.#byShade(cells);
      for (let done = 0; done < sorted.length; ) done = this.#draw(context, view, sorted, done);
    } else {
      this.#paintLayer(context, view);
    }
    this.#paintMarks(context, view, outlines);
  }

  #paintLayer(context: CanvasRenderingContext2D, view: View): void {
    const layer = this.#layer;
    if (layer) {
      const zoom = view.scale / layer.view.scale;
      context.drawImage(
        layer.canvas,
        view.left - layer.view.left * zoom,
        view.top - layer.view.top * zoom,
        (layer.canvas.width / this.#ratio) * zoom,
        (layer.canvas.height / this.#ratio) * zoom,
      );
    }
    if (!this.#work && !(layer && covers(layer.view, view))) this.#begin(view);
    if (this.#work) this.#request();
  }

  // A layer's view begins at the corner of its canvas, which is larger than the screen.
  #begin(view: View): void {
    const [across, down] = [view.width * MARGIN, view.height * MARGIN];
    const around: View = {
      scale: view.scale,
      left: view.left + across,
      top: view.top + down,
      width: view.width + 2 * across,
      height: view.height + 2 * down,
    };
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(around.width * this.#ratio);
    canvas.height = Math.round(around.height * this.#ratio);
    const cells = this.#byShade(this.#grid?.within(boxOn(around)) ?? []);
    this.#work = { canvas, view: around, cells, done: 0 };
  }

  #advance(): void {
    const work = this.#work;
    const context = work?.canvas.getContext("2d");
    if (!work || !context) return;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const until = performance.now() + BUDGET_MILLISECONDS;
    // What is drawn here takes time later, too, when it gets to the screen.
    for (let batch = 0; batch < CORNERS_A_FRAME / BATCH; batch += 1) {
      if (work.done >= work.cells.length || performance.now() >= until) break;
      work.done = this.#draw(context, work.view, work.cells, work.done);
    }
    if (work.done < work.cells.length) return;
    this.#layer = { canvas: work.canvas, view: work.view };
    this.#work = null;
  }

  // Draws a batch of cells that are sorted by shade; returns how many are drawn by then.
  #draw(
    context: CanvasRenderingContext2D,
    view: View,
    cells: readonly number[],
    from: number,
  ): number {
    const outlines = this.#outlines;
    if (!outlines) return cells.length;
    const shade = this.#shades[cells[from] as number] as number;
    const colour = PALETTES[this.#style.colouring][shade] as string;
    const size = this.#side * view.scale;
    let end = from;
    context.beginPath();
    for (let corners = 0; corners < BATCH && end < cells.length; end += 1) {
      const cell = cells[end] as number;
      if (this.#shades[cell] !== shade) break;
      corners += trace(context, outlines, cell, view);
    }
    context.lineJoin = "round";
    context.fillStyle = colour;
    context.globalAlpha = Math.max(this.#style.fill, size < SMALL ? FAINT : 0);
    if (context.globalAlpha > 0) context.fill();
    // From far away lines would hide what they surround.
    const share = Math.min(size / ROOM_FOR_LINES, 1);
    context.globalAlpha = 1;
    if (size >= ROOM_FOR_HALO) this.#stroke(context, HALO, LINE + 2);
    context.globalAlpha = share;
    if (size >= SMALL) this.#stroke(context, colour, LINE * Math.max(share, 0.5));
    context.globalAlpha = 1;
    return end;
  }

  #stroke(context: CanvasRenderingContext2D, style: string, width: number): void {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
  }

  #paintMarks(context: CanvasRenderingContext2D, view: View, outlines: Outlines): void {
    for (const cell of [this.#hovered, this.#selected]) {
      if (cell === null) continue;
      context.beginPath();
      trace(context, outlines, cell, view);
      if (cell === this.#selected) {
        context.fillStyle = "rgb(255 255 255 / 30%)";
        context.fill();
      }
      this.#stroke(context, "#000", 5);
      this.#stroke(context, "#fff", 2.5);
    }
  }

  #byShade(cells: number[]): number[] {
    if (this.#style.colouring === "none") return cells;
    const groups = PALETTES[this.#style.colouring].map((): number[] => []);
    for (const cell of cells) groups[this.#shades[cell] as number]?.push(cell);
    return groups.flat();
  }
}

// What of the picture is on the screen.
function boxOn({ scale, left, top, width, height }: View): Box {
  return [-left / scale, -top / scale, (width - left) / scale, (height - top) / scale];
}

function covers(layer: View, view: View): boolean {
  const [left, top, right, bottom] = boxOn(layer);
  const [x0, y0, x1, y1] = boxOn(view);
  return (
    Math.abs(layer.scale / view.scale - 1) < 1e-6 &&
    left <= x0 &&
    top <= y0 &&
    right >= x1 &&
    bottom >= y1
  );
}

function cornersOf({ cells: starts, rings }: Outlines, cells: readonly number[]): number {
  let total = 0;
  for (const cell of cells) {
    const end = rings[starts[cell + 1] as number] as number;
    total += (end - (rings[starts[cell] as number] as number)) / 2;
  }
  return total;
}

function sideOf({ areas, count }: Outlines): number {
  return Math.sqrt(areas.reduce((sum, area) => sum + area, 0) / Math.max(count, 1));
}
