import { graphql } from "../gql";
import type { SessionFragment } from "../gql/graphql";
import { codeOf } from "./errors";
import { exclusively } from "./exclusively";
import { type Answer, ask } from "./http";
import { Store } from "./store";

graphql(`
  fragment Session on SessionPayload {
    accessToken
    expiresAt
    refreshToken
    user {
      id
      name
      email
    }
  }
`);

const SIGN_IN = graphql(`
  mutation SignIn($input: SignInInput!) {
    session: signIn(input: $input) {
      ...Session
    }
  }
`);

const SIGN_UP = graphql(`
  mutation SignUp($input: SignUpInput!) {
    session: signUp(input: $input) {
      ...Session
    }
  }
`);

const REFRESH = graphql(`
  mutation Refresh($input: RefreshSessionInput!) {
    session: refreshSession(input: $input) {
      ...Session
    }
  }
`);

const SIGN_OUT = graphql(`
  mutation SignOut($input: RefreshSessionInput!) {
    signOut(input: $input)
  }
`);

/** Who is signed in, and what proves it. All tabs of a browser share one. */
export interface Session {
  user: SessionFragment["user"];
  accessToken: string;
  refreshToken: string;
  /** By this browser's clock, in milliseconds. */
  expiresAt: number;
}

const KEY = "cellhub.session";
const ENDING = "cellhub.ending";
const EARLY_MILLISECONDS = 30_000;
const ENDED = "Your session has ended. Sign in to go on.";

/** Null where nobody is signed in. */
export const session = new Store<Session | null>(stored());

/** Why nobody is signed in any more, where it was not asked for; it outlives the page. */
export const ending = new Store(sessionStorage.getItem(ENDING) || null);
ending.subscribe(() => sessionStorage.setItem(ENDING, ending.get() ?? ""));

window.addEventListener("storage", (event) => {
  if (event.key !== KEY && event.key !== null) return;
  const next = stored();
  if (session.get() && !next) ending.set(ENDED);
  session.set(next);
});

export async function signIn(email: string, password: string): Promise<void> {
  begin(await ask(SIGN_IN, { input: { email, password } }));
}

export async function signUp(name: string, email: string, password: string): Promise<void> {
  begin(await ask(SIGN_UP, { input: { name, email, password } }));
}

export async function signOut(): Promise<void> {
  const ended = stored();
  keep(null);
  if (ended) await end(ended);
}

async function end({ refreshToken }: Session): Promise<void> {
  await ask(SIGN_OUT, { input: { refreshToken } }).catch(() => {
    // Out of reach, the hub ends the session by itself when it expires.
  });
}

let refreshing: Promise<string | null> | null = null;

/**
 * A token that is good for a while, null where nobody is signed in.
 *
 * `refused` is one that the hub took no more, whatever this browser's clock says. Throws HubError
 * where the hub can't be reached.
 */
export async function accessToken(refused?: string): Promise<string | null> {
  const current = session.get();
  if (!current || isGood(current, refused)) return current?.accessToken ?? null;
  refreshing ??= exclusively("cellhub.refresh", () => refresh(refused)).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

// A refresh token is good once: another tab may have used it while this one waited.
async function refresh(refused?: string): Promise<string | null> {
  const current = stored();
  if (!current || isGood(current, refused)) {
    session.set(current);
    return current?.accessToken ?? null;
  }
  const isStill = () => stored()?.refreshToken === current.refreshToken;
  let next: Session | null;
  try {
    const input = { refreshToken: current.refreshToken };
    next = taken(await ask(REFRESH, { input }));
  } catch (error) {
    if (codeOf(error) !== "UNAUTHENTICATED") throw error;
    next = null;
    if (isStill()) ending.set(ENDED);
  }
  // Whoever signed out meanwhile, or in as somebody else, in whichever tab, stays so.
  if (isStill()) return keep(next)?.accessToken ?? null;
  if (next) await end(next);
  session.set(stored());
  return session.get()?.accessToken ?? null;
}

const SCHEME = "Bearer ";

/** The token as a header has it; undefined where there is none. */
export function bearer(token: string | null): string | undefined {
  return token === null ? undefined : `${SCHEME}${token}`;
}

/** The token in such a header. */
export function tokenOf(authorization: string | undefined): string | undefined {
  return authorization?.startsWith(SCHEME) ? authorization.slice(SCHEME.length) : undefined;
}

function isGood(current: Session, refused?: string): boolean {
  return current.accessToken !== refused && current.expiresAt - Date.now() > EARLY_MILLISECONDS;
}

function begin(answer: Answer<{ session: SessionFragment }>): void {
  ending.set(null);
  keep(taken(answer));
}

function taken({ data, skew }: Answer<{ session: SessionFragment }>): Session {
  const { user, accessToken, refreshToken, expiresAt } = data.session;
  return { user, accessToken, refreshToken, expiresAt: Date.parse(expiresAt) - skew };
}

function keep(next: Session | null): Session | null {
  if (next) localStorage.setItem(KEY, JSON.stringify(next));
  else localStorage.removeItem(KEY);
  session.set(next);
  return next;
}

function stored(): Session | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}
