export interface Histogram {
  low: number;
  high: number;
  /** How many values are in each bin; a bin holds its lower edge, the last one its upper, too. */
  counts: readonly number[];
}

/** Counts values by equal bins between the least and the greatest; null where there are none. */
export function histogramOf(values: Float64Array, bins: number): Histogram | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return null;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = binOf({ low, high, counts }, value);
    if (bin !== null) counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { low, high, counts };
}

/** The bin of a value; null where it has none. */
export function binOf({ low, high, counts }: Histogram, value: number): number | null {
  if (!(value >= low && value <= high)) return null;
  if (low === high) return 0;
  return Math.min(Math.floor(((value - low) / (high - low)) * counts.length), counts.length - 1);
}
