import { expect, it, vi } from "vitest";

class Stored {
  [key: string]: unknown;
  getItem = (key: string) => this[key] ?? null;
  setItem = (key: string, value: string) => {
    this[key] = value;
  };
  removeItem = (key: string) => {
    delete this[key];
  };
}
const stored = new Stored();
vi.stubGlobal("localStorage", stored);
const { storage } = await import("./storage");

const headers = '{"Authorization": "Bearer secret"}';

it("keeps no headers, neither of tabs nor of what was run", () => {
  const tabs = JSON.stringify({ tabs: [{ query: "{ x }", headers }], activeTabIndex: 0 });
  storage.setItem("graphiql:tabState", tabs);
  const tab = { query: "{ x }", headers: null };
  expect(JSON.parse(storage.getItem("graphiql:tabState") ?? "")).toEqual({
    tabs: [tab],
    activeTabIndex: 0,
  });
  for (const name of ["queries", "favorites"]) {
    storage.setItem(`graphiql:${name}`, JSON.stringify({ [name]: [{ query: "{ x }", headers }] }));
    expect(storage.getItem(`graphiql:${name}`)).not.toContain("secret");
  }
});

it("keeps neither passwords nor refresh tokens, wherever they were typed", () => {
  const secret = JSON.stringify('a "secret" \\');
  const query = `{ signIn(input: {email: "ann@example.org", password: ${secret}}) { expiresAt } }`;
  const variables = `{"input": {"refreshToken" : ${secret}, "name": "passwords: \\"x\\""}}`;
  const tabs = [{ query, variables }];
  storage.setItem("graphiql:tabState", JSON.stringify({ tabs }));
  storage.setItem("graphiql:query", query);
  storage.setItem("graphiql:variables", variables);
  for (const name of ["tabState", "query", "variables"]) {
    expect(storage.getItem(`graphiql:${name}`)).not.toContain("secret");
  }
  expect(storage.getItem("graphiql:query")).toBe(
    '{ signIn(input: {email: "ann@example.org", password: ""}) { expiresAt } }',
  );
  expect(JSON.parse(String(storage.getItem("graphiql:variables")))).toEqual({
    input: { refreshToken: "", name: 'passwords: "x"' },
  });
});

it("keeps variables as they are, even those that are no JSON yet", () => {
  storage.setItem("graphiql:variables", '{"headers": "x"');
  expect(storage.getItem("graphiql:variables")).toBe('{"headers": "x"');
});

it("clears what is GraphiQL's and nothing else", () => {
  stored.setItem("cellhub.session", "{}");
  storage.setItem("graphiql:theme", "dark");
  expect(storage.length).toBeGreaterThan(0);
  storage.clear();
  expect(storage.length).toBe(0);
  expect(stored.getItem("cellhub.session")).toBe("{}");
});
