type Feature = GeoJSON.Feature<GeoJSON.Polygon, { id: number }>;

const STRUCTURE = /["{}]/g;
/** How deep features are: inside of the collection. */
const FEATURE = 2;

/** Hands out the features of a FeatureCollection while its text arrives, in whatever pieces. */
export class FeatureReader {
  #text = "";
  /** Up to where the text was read; what is before the feature that is read now is dropped. */
  #at = 0;
  #start = 0;
  #depth = 0;

  /** The features that end with this piece. Throws a SyntaxError where one is no JSON. */
  *push(piece: string): Generator<Feature> {
    const kept = this.#depth < FEATURE ? this.#at : this.#start;
    this.#text = this.#text.slice(kept) + piece;
    this.#at -= kept;
    this.#start = 0;
    for (let found = this.#next(); found !== null; found = this.#next()) {
      if (this.#text[found] === '"') {
        const end = closing(this.#text, found);
        if (end === null) return;
        this.#at = end + 1;
        continue;
      }
      this.#at = found + 1;
      if (this.#text[found] === "{") {
        this.#depth += 1;
        if (this.#depth === FEATURE) this.#start = found;
      } else {
        this.#depth -= 1;
        if (this.#depth !== FEATURE - 1) continue;
        const read = JSON.parse(this.#text.slice(this.#start, this.#at));
        if (read.type === "Feature") yield read;
      }
    }
    this.#at = this.#text.length;
  }

  #next(): number | null {
    STRUCTURE.lastIndex = this.#at;
    return STRUCTURE.exec(this.#text)?.index ?? null;
  }
}

// Where the text in quotes that begins at a place ends; null where that is yet to come.
function closing(text: string, opening: number): number | null {
  let end = text.indexOf('"', opening + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? null : end;
}

function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text[before - 1] === "\\") before -= 1;
  return (at - before) % 2 === 1;
}
