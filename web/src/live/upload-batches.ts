const FILES_A_BATCH = 25;
const BYTES_A_BATCH = 32_000_000;

interface Sized {
  size: number;
}

/** Parts files, in their order, into calls that are small enough to be sent again. */
export function batchesOf<T extends Sized>(files: readonly T[]): T[][] {
  const batches: T[][] = [];
  let current: T[] = [];
  let bytes = 0;
  for (const file of files) {
    const isFull = current.length >= FILES_A_BATCH || bytes + file.size > BYTES_A_BATCH;
    if (current.length && isFull) {
      batches.push(current);
      current = [];
      bytes = 0;
    }
    current.push(file);
    bytes += file.size;
  }
  if (current.length) batches.push(current);
  return batches;
}

/** How much of each file is there, of bytes that run through the files one after the other. */
export function spread(files: readonly Sized[], bytes: number): number[] {
  let rest = bytes;
  return files.map(({ size }) => {
    const there = Math.max(0, Math.min(size, rest));
    rest -= size;
    return there;
  });
}

interface StoredImage {
  id: string;
  name: string;
  sizeBytes: number;
}

interface Rejected {
  name: string;
  code: string;
  message: string;
}

/** What became of a file. Without an `imageId` it was stored, and its image deleted since. */
export type Outcome =
  | { state: "stored"; imageId: string | null }
  | { state: "rejected"; code: string; message: string };

/**
 * Tells what became of each file of a call from its answer, which has the stored and the rejected
 * ones each in the order of the files.
 */
export function outcomesOf(
  files: readonly (Sized & { name: string })[],
  images: readonly StoredImage[],
  rejected: readonly Rejected[],
): Outcome[] {
  let stored = 0;
  let refused = 0;
  return files.map((file, at) => {
    const image = images[stored];
    const rejection = rejected[refused];
    const isImage = image?.name === plainName(file.name) && image.sizeBytes === file.size;
    const isLast = rejected.length - refused === files.length - at;
    if (rejection && (isLast || (!isImage && rejection.name === plainName(file.name)))) {
      refused += 1;
      return { state: "rejected", code: rejection.code, message: rejection.message };
    }
    if (!isImage) return { state: "stored", imageId: null };
    stored += 1;
    return { state: "stored", imageId: image.id };
  });
}

const LONGEST_NAME = 255;

/** The name of a file as the hub keeps it: without folders, and what can't be seen or is no space. */
export function plainName(name: string): string {
  const folders = name.split(/[/\\]/).filter((part) => part !== "" && part !== ".");
  // In forms these stand for quotation marks and ends of lines.
  const base = (folders.at(-1) ?? "").replace(/%0[AD]/g, "").replaceAll("%22", '"');
  const printable = base.replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, "").trim();
  const plain = [...printable].slice(0, LONGEST_NAME).join("");
  return plain === "" || plain === "." || plain === ".." ? "unnamed" : plain;
}
