const PREFIX = "graphiql:";
const WITH_HEADERS = new Set(["tabState", "queries", "favorites"].map((name) => PREFIX + name));

/**
 * This browser's storage for GraphiQL, into which no headers come: they have tokens.
 *
 * GraphiQL can be told so for its tabs, but its history would keep them all the same.
 */
export const storage = {
  getItem: (key: string) => localStorage.getItem(key),
  setItem: (key: string, value: string) =>
    localStorage.setItem(key, WITH_HEADERS.has(key) ? withoutHeaders(value) : value),
  removeItem: (key: string) => localStorage.removeItem(key),
  get length() {
    return ownKeys().length;
  },
  clear() {
    for (const key of ownKeys()) localStorage.removeItem(key);
  },
};

function ownKeys(): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
}

/** JSON without what any object in it has under "headers". */
export function withoutHeaders(json: string): string {
  return JSON.stringify(JSON.parse(json), (key, value) => (key === "headers" ? null : value));
}
