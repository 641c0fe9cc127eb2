import { HubError } from "../../api/errors";
import { rowsOf } from "./csv";
import { Pace } from "./pace";

/** One measure of all cells. */
export interface Column {
  key: string;
  label: string;
  /** What it means and in which unit. */
  title: string;
  /** In the order of the table; NaN where there is no value. */
  values: Float64Array;
  digits: number;
}

/** What was measured of an image's cells, as the hub exports it. */
export interface Measurements {
  count: number;
  columns: readonly Column[];
  labels: Float64Array;
  /** Where in the table a cell is, by its number. */
  rows: ReadonlyMap<number, number>;
}

export const LABEL = "label";
export const AREA = "area_px2";
/** Columns that number or place cells rather than measure them. */
export const NUMBERS: ReadonlySet<string> = new Set([LABEL, "centroid_x_px", "centroid_y_px"]);
const INTENSITY = /^mean_intensity_(\d+)$/;

const KNOWN: { [key: string]: Omit<Column, "key" | "values"> } = {
  label: { label: "Cell", title: "The cell's number", digits: 0 },
  area_px2: { label: "Area", title: "Area, without holes, in square pixels", digits: 1 },
  circularity: { label: "Circularity", title: "Circularity: 1 for a disc", digits: 3 },
  perimeter_px: { label: "Perimeter", title: "Perimeter, with holes, in pixels", digits: 1 },
  pixel_count: { label: "Pixels", title: "Pixels whose centres are inside", digits: 0 },
  centroid_x_px: { label: "x", title: "Centroid, pixels from the left", digits: 1 },
  centroid_y_px: { label: "y", title: "Centroid, pixels from the top", digits: 1 },
};

/**
 * Reads the table of one image's cells. Columns that are not known are passed over, and so are
 * channels without any value. Throws HubError where it is no such table.
 */
export async function measurementsOf(text: string): Promise<Measurements> {
  const pace = new Pace();
  const rows = rowsOf(text);
  const header: string[] = rows.next().value ?? [];
  if (!header.includes(LABEL))
    throw new HubError("BAD_ANSWER", "The hub sent no table of measurements.");
  const read = header.flatMap((key, place) => (described(key) ? [{ key, place }] : []));
  const numbers: number[][] = read.map(() => []);
  for (const row of rows) {
    read.forEach(({ place }, index) => {
      const field = row[place];
      numbers[index]?.push(field ? Number(field) : Number.NaN);
    });
    await pace.rest();
  }
  const columns = read.flatMap(({ key }, index) => {
    const about = described(key);
    const values = Float64Array.from(numbers[index] ?? []);
    const isEmpty = INTENSITY.test(key) && values.every(Number.isNaN);
    return about && !isEmpty ? [{ ...about, key, values }] : [];
  });
  const known = Object.keys(KNOWN);
  columns.sort((one, other) => place(known, one.key) - place(known, other.key));
  const labels = columns[0]?.values ?? new Float64Array();
  return {
    count: labels.length,
    columns,
    labels,
    rows: new Map(Array.from(labels, (label, row) => [label, row])),
  };
}

function described(key: string): Omit<Column, "key" | "values"> | undefined {
  const channel = INTENSITY.exec(key)?.[1];
  if (channel === undefined) return KNOWN[key];
  return {
    label: `Intensity ${Number(channel) + 1}`,
    title: `Mean of channel ${Number(channel) + 1}, in the image's own units: ${key} in exports`,
    digits: 1,
  };
}

// Intensities stand behind circularity; what else there is comes after them.
function place(known: readonly string[], key: string): number {
  const found = known.indexOf(key);
  return found < 0 ? 2.5 : found;
}

/** The rows in the order of a column. Cells without a value come last, whichever way. */
export function sorted(values: Float64Array, descending: boolean): Uint32Array {
  const sign = descending ? -1 : 1;
  return Uint32Array.from(values.keys()).sort((one, other) => {
    const a = values[one] as number;
    const b = values[other] as number;
    if (Number.isNaN(a) || Number.isNaN(b))
      return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return (a - b) * sign || one - other;
  });
}

/** The middle value of those that are there; NaN of none. */
export function median(values: Float64Array): number {
  const there = values.filter((value) => !Number.isNaN(value)).sort();
  const middle = there.length / 2;
  if (there.length % 2) return there[Math.floor(middle)] as number;
  return there.length
    ? ((there[middle - 1] as number) + (there[middle] as number)) / 2
    : Number.NaN;
}
