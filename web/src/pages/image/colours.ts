import type { Outlines } from "./outlines";

/** By what cells are coloured. */
export type Colouring = "none" | "number" | "area";

export const COLOURINGS: readonly { value: Colouring; label: string }[] = [
  { value: "none", label: "One colour" },
  { value: "number", label: "By number" },
  { value: "area", label: "By area" },
];

const ONE = ["#ffd43b"];
// Neighbours have numbers that are near each other: so colours that follow are far apart.
const NUMBERED = [
  "#ffd43b",
  "#4dabf7",
  "#ff6b6b",
  "#69db7c",
  "#da77f2",
  "#ffa94d",
  "#3bc9db",
  "#f783ac",
  "#a9e34b",
  "#9775fa",
];
// From small to large; told apart by colour-blind eyes, too.
const GRADED = [
  "#5b5fd6",
  "#3f7fd9",
  "#2b9bc8",
  "#22b3a6",
  "#44c77c",
  "#86d549",
  "#c8de2b",
  "#fde725",
];

export const PALETTES: { readonly [colouring in Colouring]: readonly string[] } = {
  none: ONE,
  number: NUMBERED,
  area: GRADED,
};

/** Which colour of the palette each cell has. Areas are graded so that each colour has as many. */
export function shadesOf(outlines: Outlines, colouring: Colouring): Uint8Array<ArrayBuffer> {
  const shades = new Uint8Array(outlines.count);
  if (colouring === "number") {
    outlines.ids.forEach((id, cell) => {
      shades[cell] = id % NUMBERED.length;
    });
  }
  if (colouring === "area") {
    const order = Uint32Array.from(outlines.areas.keys());
    order.sort((a, b) => (outlines.areas[a] as number) - (outlines.areas[b] as number));
    order.forEach((cell, rank) => {
      shades[cell] = Math.floor((rank * GRADED.length) / outlines.count);
    });
  }
  return shades;
}
