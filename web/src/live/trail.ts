import type { Filter, Gallery } from "./gallery";

const LONGEST = 200;

/** By which way one comes to an image, kept with the entry of the browser's history. */
export interface Trail {
  /** The images before it, the nearest last. */
  trail: readonly string[];
  /** Which images are gone through. */
  filter: Filter;
}

/** Where the way is not known: all images of the project, from this one on. */
export const UNKNOWN: Trail = { trail: [], filter: { statuses: [], search: "" } };

/** The way from a gallery to one of its images. */
export function trailTo(index: number, { ids, filter }: Pick<Gallery, "ids" | "filter">): Trail {
  return { trail: ids.slice(Math.max(0, index - LONGEST), index), filter };
}
