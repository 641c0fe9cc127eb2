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
