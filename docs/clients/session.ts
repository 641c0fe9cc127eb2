// Who is signed in. Tabs that share the store share the session, and change it one at a time: no
// refresh that is under way undoes that somebody signs out.
import { post } from "./http.ts";
import { HubError } from "./retry.ts";

interface Tokens {
  accessToken: string;
  refreshToken: string;
}

const KEY = "cellhub";
const TOKENS = "{ accessToken refreshToken }";
const SIGN_IN = `mutation ($input: SignInInput!) { tokens: signIn(input: $input) ${TOKENS} }`;
const REFRESH = `mutation ($input: RefreshSessionInput!) {
  tokens: refreshSession(input: $input) ${TOKENS}
}`;
const SIGN_OUT = "mutation ($input: RefreshSessionInput!) { signOut(input: $input) }";

export class Session {
  readonly url: string;
  readonly #store: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly #listeners = new Set<() => void>();

  /** `url` ends in /graphql; `store` is localStorage, or sessionStorage for a session a tab. */
  constructor(url: string, store: Pick<Storage, "getItem" | "setItem" | "removeItem">) {
    this.url = url;
    this.#store = store;
  }

  readonly isSignedIn = (): boolean => this.#tokens !== null;

  /** Has a listener told when one signs in, or is signed out; returns what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Throws HubError: UNAUTHENTICATED where e-mail or password are wrong. */
  async signIn(email: string, password: string): Promise<void> {
    await this.#alone(() => this.#take(SIGN_IN, { email, password }));
  }

  async signOut(): Promise<void> {
    await this.#alone(async () => {
      const refreshToken = this.#tokens?.refreshToken;
      this.#keep(null);
      if (refreshToken) await post(this.url, SIGN_OUT, { input: { refreshToken } });
    });
  }

  /**
   * Returns the token to send; where the hub has `refused` one, another. Whether it holds is for
   * the hub to say: the clocks of clients are wrong. Throws HubError: UNAUTHENTICATED where one
   * has to sign in.
   */
  async accessToken(refused?: string): Promise<string> {
    const token = this.#tokens?.accessToken;
    if (token && token !== refused) return token;
    return this.#alone(() => this.#another(refused));
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return navigator.locks.request(KEY, work);
  }

  async #another(refused?: string): Promise<string> {
    const tokens = this.#tokens;
    if (tokens === null) throw new HubError("UNAUTHENTICATED", "Nobody is signed in.");
    // Another call, or another tab, may have been faster.
    if (tokens.accessToken !== refused) return tokens.accessToken;
    try {
      return await this.#take(REFRESH, { refreshToken: tokens.refreshToken });
    } catch (error) {
      const isOver = error instanceof HubError && error.code === "UNAUTHENTICATED";
      if (isOver) this.#keep(null);
      throw error;
    }
  }

  async #take(query: string, input: object): Promise<string> {
    const { tokens } = await post<{ tokens: Tokens }>(this.url, query, { input });
    this.#keep(tokens);
    return tokens.accessToken;
  }

  #keep(tokens: Tokens | null): void {
    if (tokens) this.#store.setItem(KEY, JSON.stringify(tokens));
    else this.#store.removeItem(KEY);
    for (const listener of this.#listeners) listener();
  }

  get #tokens(): Tokens | null {
    return JSON.parse(this.#store.getItem(KEY) ?? "null") as Tokens | null;
  }
}
