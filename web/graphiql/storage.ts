const PREFIX = "graphiql:";
const WITH_HEADERS = new Set(["tabState", "queries", "favorites"].map((name) => PREFIX + name));

// As documents have them, and variables.
const SECRET = /\b((?:password|refreshToken)"?\s*:\s*)"(?:[^"\\]|\\.)*"/g;

/**
 * This browser's storage for GraphiQL, into which no headers come, for they have tokens, and neither
 * passwords nor refresh tokens: others may use the browser, too.
 *
 * GraphiQL can be told so of headers for its tabs, but its history would keep them all the same.
 */
export const storage = {
  getItem: (key: string) => localStorage.getItem(key),
  setItem: (key: string, value: string) =>
    localStorage.setItem(key, WITH_HEADERS.has(key) ? discreet(value) : withoutSecrets(value)),
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

/** JSON without what any object in it has under "headers", and without secrets. */
export function discreet(json: string): string {
  return JSON.stringify(JSON.parse(json), (key, value) => {
    if (key === "headers") return null;
    return typeof value === "string" ? withoutSecrets(value) : value;
  });
}

function withoutSecrets(text: string): string {
  return text.replace(SECRET, '$1""');
}
