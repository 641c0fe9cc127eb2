import { accessToken, bearer, tokenOf } from "../src/api/session";

const NAME = "Authorization";

/** What goes along with an operation, as the headers editor and the session have it. */
export interface Credentials {
  /** The headers but for Authorization. */
  headers: Record<string, string>;
  /** Whether Authorization was typed: then no session stands behind it. */
  typed: boolean;
  /** The Authorization to send, if any; never `refused`, unless it was typed. Throws HubError. */
  authorization: (refused?: string) => Promise<string | undefined>;
}

// The session's tokens that were filled in. They stand for the session, however old they are.
const filledIn = new Set<string>();

/** Takes the headers apart. An empty Authorization is to act as nobody. */
export function credentialsOf(headers: Record<string, unknown> = {}): Credentials {
  const rest: Record<string, string> = {};
  let typed: string | undefined;
  for (const [name, value] of Object.entries(headers)) {
    if (!isAuthorization(name)) rest[name] = String(value);
    else if (!filledIn.has(tokenOf(String(value)) ?? "")) typed = String(value);
  }
  if (typed !== undefined) {
    const authorization = async () => typed || undefined;
    return { headers: rest, typed: true, authorization };
  }
  const authorization = async (refused?: string) => bearer(await accessToken(tokenOf(refused)));
  return { headers: rest, typed: false, authorization };
}

/** The headers editor's text with the session's token, which replaces what is there. */
export function withToken(text: string, token: string): string {
  filledIn.add(token);
  return write({ ...others(text), [NAME]: bearer(token) });
}

/**
 * The headers editor's text once the session has another token, or none any more.
 *
 * What people typed stays as it is, letter for letter.
 */
export function refreshed(text: string, token: string | null): string {
  const old = [...filledIn].find((one) => text.includes(one));
  if (old === undefined || old === token) return text;
  if (token !== null) {
    filledIn.add(token);
    return text.replaceAll(old, token);
  }
  const left = others(text);
  if (left === null) return text;
  return Object.keys(left).length > 0 ? write(left) : "";
}

// The headers but for Authorization; null where they can't be read.
function others(text: string): Record<string, unknown> | null {
  try {
    const entries = Object.entries(JSON.parse(text || "{}"));
    return Object.fromEntries(entries.filter(([name]) => !isAuthorization(name)));
  } catch {
    return null;
  }
}

function isAuthorization(name: string): boolean {
  return name.toLowerCase() === NAME.toLowerCase();
}

function write(headers: Record<string, unknown>): string {
  return JSON.stringify(headers, null, 2);
}
