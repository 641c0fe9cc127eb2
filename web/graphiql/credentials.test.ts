import { beforeEach, describe, expect, it, vi } from "vitest";

function storage() {
  const keep = new Map<string, string>();
  return {
    getItem: (key: string) => keep.get(key) ?? null,
    setItem: (key: string, value: string) => keep.set(key, value),
    removeItem: (key: string) => keep.delete(key),
  };
}

vi.stubGlobal("window", new EventTarget());
vi.stubGlobal("localStorage", storage());
vi.stubGlobal("sessionStorage", storage());
const { credentialsOf, refreshed, withToken } = await import("./credentials");
const { session } = await import("../src/api/session");

function signedInWith(accessToken: string): void {
  session.set({
    user: { id: "usr_1", name: "Ann", email: "ann@example.org" },
    accessToken,
    refreshToken: "r",
    expiresAt: Date.now() + 900_000,
  });
}

beforeEach(() => session.set(null));

describe("credentialsOf", () => {
  it("has nobody where nobody is signed in", async () => {
    const credentials = credentialsOf();
    expect(credentials.typed).toBe(false);
    expect(await credentials.authorization()).toBeUndefined();
  });

  it("has the session where no Authorization was typed", async () => {
    signedInWith("new");
    const { headers, authorization } = credentialsOf({ "X-Trace": 7 });
    expect(headers).toEqual({ "X-Trace": "7" });
    expect(await authorization()).toBe("Bearer new");
  });

  it("lets what was typed win, in whatever case", async () => {
    signedInWith("new");
    for (const name of ["Authorization", "authorization", "AUTHORIZATION"]) {
      const { headers, typed, authorization } = credentialsOf({ [name]: "Bearer csh_key" });
      expect(headers).toEqual({});
      expect(typed).toBe(true);
      expect(await authorization()).toBe("Bearer csh_key");
    }
  });

  it("asks as nobody with an empty Authorization", async () => {
    signedInWith("new");
    const { typed, authorization } = credentialsOf({ Authorization: "" });
    expect(typed).toBe(true);
    expect(await authorization()).toBeUndefined();
  });

  it("takes a token that was filled in for the session, however old it is", async () => {
    const { Authorization } = JSON.parse(withToken("", "old"));
    signedInWith("new");
    const { typed, authorization } = credentialsOf({ Authorization });
    expect(typed).toBe(false);
    expect(await authorization()).toBe("Bearer new");
  });
});

describe("the text of the headers", () => {
  it("gets the token beside what is there", () => {
    expect(JSON.parse(withToken('{"X-Trace": "7"}', "t1"))).toEqual({
      "X-Trace": "7",
      Authorization: "Bearer t1",
    });
    expect(JSON.parse(withToken("{ what?", "t1"))).toEqual({ Authorization: "Bearer t1" });
  });

  it("has one Authorization, whatever the case it was typed in", () => {
    expect(JSON.parse(withToken('{"authorization": "Bearer x"}', "t1"))).toEqual({
      Authorization: "Bearer t1",
    });
  });

  it("keeps all but the token when that is refreshed", () => {
    const text = `${withToken("", "t2")} // mine`;
    expect(refreshed(text, "t3")).toBe(text.replace("t2", "t3"));
    expect(refreshed('{"Authorization": "Bearer csh_key"}', "t3")).toBe(
      '{"Authorization": "Bearer csh_key"}',
    );
    expect(refreshed("", "t3")).toBe("");
  });

  it("loses the token with the session, and nothing else", () => {
    expect(refreshed(withToken("", "t4"), null)).toBe("");
    const commented = `${withToken("", "t4")} // mine`;
    expect(refreshed(commented, null)).toBe(commented);
    expect(JSON.parse(refreshed(withToken('{"X-Trace": "7"}', "t4"), null))).toEqual({
      "X-Trace": "7",
    });
  });
});
