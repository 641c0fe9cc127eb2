import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { loaded } from "./loaded";

const reload = vi.fn();
const fetched = vi.fn<() => Promise<{ ok: boolean }>>();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("location", { reload });
  vi.stubGlobal("window", new EventTarget());
  vi.stubGlobal("fetch", fetched);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.resetAllMocks();
});

test("hands out what was loaded", async () => {
  expect(await loaded(async () => "part")).toBe("part");
  expect(fetched).not.toHaveBeenCalled();
});

test("loads the page anew where the hub has no such part any more", async () => {
  fetched.mockResolvedValue({ ok: true });
  void loaded(() => Promise.reject(new TypeError("no such part")));
  await vi.advanceTimersByTimeAsync(0);
  expect(reload).toHaveBeenCalledOnce();
});

test("leaves the page alone until the hub answers", async () => {
  fetched.mockRejectedValue(new TypeError("no network"));
  void loaded(() => Promise.reject(new TypeError("no network")));
  await vi.advanceTimersByTimeAsync(120_000);
  fetched.mockResolvedValue({ ok: false });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(reload).not.toHaveBeenCalled();
  fetched.mockResolvedValue({ ok: true });
  await vi.advanceTimersByTimeAsync(15_000);
  expect(reload).toHaveBeenCalledOnce();
});
