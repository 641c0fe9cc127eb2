import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { exclusively } from "./exclusively";

// As where neither HTTPS nor localhost leads to the hub: no Web Locks, a storage shared by tabs.
beforeEach(() => {
  const notes = new Map<string, string>();
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => notes.get(name) ?? null,
    setItem: (name: string, note: string) => notes.set(name, note),
    removeItem: (name: string) => notes.delete(name),
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("without Web Locks, too, one works at a time", async () => {
  let working = 0;
  let most = 0;
  const work = () =>
    exclusively("refresh", async () => {
      working += 1;
      most = Math.max(most, working);
      await new Promise((resolve) => setTimeout(resolve, 5));
      working -= 1;
    });
  await Promise.all(Array.from({ length: 6 }, work));
  expect([most, working]).toEqual([1, 0]);
});

test("work that fails holds nobody up, and says why", async () => {
  const failing = exclusively("refresh", () => Promise.reject(new Error("refused")));
  await expect(failing).rejects.toThrow("refused");
  await expect(exclusively("refresh", async () => "done")).resolves.toBe("done");
});

test("a tab that died with the lock holds it for 15 s, not for ever", async () => {
  vi.useFakeTimers();
  void exclusively("refresh", () => new Promise(() => undefined));
  await vi.advanceTimersByTimeAsync(1_000);
  const waiting = vi.fn();
  void exclusively("refresh", async () => waiting());
  await vi.advanceTimersByTimeAsync(10_000);
  expect(waiting).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(waiting).toHaveBeenCalledOnce();
});

test("a tab that held it for too long takes it from nobody who took it over", async () => {
  vi.useFakeTimers();
  let finish = () => {};
  void exclusively("refresh", () => new Promise<void>((resolve) => (finish = resolve)));
  await vi.advanceTimersByTimeAsync(1_000);
  void exclusively("refresh", () => new Promise(() => undefined));
  await vi.advanceTimersByTimeAsync(16_000);
  finish();
  const third = vi.fn();
  void exclusively("refresh", async () => third());
  await vi.advanceTimersByTimeAsync(5_000);
  expect(third).not.toHaveBeenCalled();
});
