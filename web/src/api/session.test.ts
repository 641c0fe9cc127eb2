import { beforeEach, describe, expect, test, vi } from "vitest";

const kept = new Map<string, string>();
const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
};

vi.stubGlobal("window", new EventTarget());
vi.stubGlobal("localStorage", storage);
vi.stubGlobal("sessionStorage", storage);
vi.stubGlobal("navigator", { locks: { request: (_: string, work: () => unknown) => work() } });
const { accessToken, ending, session, signOut } = await import("./session");

const KEY = "cellhub.session";

function sessionOf(name: string) {
  return {
    user: { id: name, name, email: `${name}@example.org` },
    accessToken: `access of ${name}`,
    refreshToken: `refresh of ${name}`,
    expiresAt: 0,
  };
}

function payloadOf(name: string) {
  return { ...sessionOf(name), expiresAt: new Date(Date.now() + 900_000).toISOString() };
}

/** A hub that refreshes when it is told to, and takes note of who signs out. */
function hub() {
  const signedOut: string[] = [];
  let answer: (body: object) => void = () => {};
  const refreshed = new Promise<object>((resolve) => {
    answer = resolve;
  });
  vi.stubGlobal("fetch", async (_: string, { body }: { body: string }) => {
    const { query, variables } = JSON.parse(body);
    if (query.includes("mutation Refresh")) return Response.json(await refreshed);
    signedOut.push(variables.input.refreshToken);
    return Response.json({ data: { signOut: true } });
  });
  return { answer, signedOut };
}

beforeEach(() => {
  kept.clear();
  kept.set(KEY, JSON.stringify(sessionOf("ann")));
  session.set(sessionOf("ann"));
  ending.set(null);
});

describe("a refresh", () => {
  test("is kept, for all tabs", async () => {
    const { answer } = hub();
    const token = accessToken();
    answer({ data: { session: payloadOf("ann again") } });
    expect(await token).toBe("access of ann again");
    expect(kept.get(KEY)).toContain("refresh of ann again");
  });

  test("signs nobody in who signed out meanwhile", async () => {
    const { answer, signedOut } = hub();
    const token = accessToken();
    await signOut();
    answer({ data: { session: payloadOf("ann again") } });
    expect(await token).toBeNull();
    expect(session.get()).toBeNull();
    expect(kept.has(KEY)).toBe(false);
    expect(signedOut).toEqual(["refresh of ann", "refresh of ann again"]);
  });

  test("takes nobody's place who signed in meanwhile in another tab", async () => {
    const { answer } = hub();
    const token = accessToken();
    kept.set(KEY, JSON.stringify(sessionOf("bob")));
    answer({ data: { session: payloadOf("ann again") } });
    expect(await token).toBe("access of bob");
    expect(session.get()?.user.name).toBe("bob");
    expect(kept.get(KEY)).toContain("refresh of bob");
  });

  test("that is refused ends no other session than its own", async () => {
    const { answer } = hub();
    const token = accessToken();
    kept.set(KEY, JSON.stringify(sessionOf("bob")));
    answer({ errors: [{ message: "over", extensions: { code: "UNAUTHENTICATED" } }] });
    expect(await token).toBe("access of bob");
    expect(kept.get(KEY)).toContain("refresh of bob");
    expect(ending.get()).toBeNull();
  });

  test("that is refused ends its own", async () => {
    const { answer } = hub();
    const token = accessToken();
    answer({ errors: [{ message: "over", extensions: { code: "UNAUTHENTICATED" } }] });
    expect(await token).toBeNull();
    expect(kept.has(KEY)).toBe(false);
    expect(ending.get()).toContain("has ended");
  });
});
