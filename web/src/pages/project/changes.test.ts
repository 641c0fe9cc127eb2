import { expect, test, vi } from "vitest";
import { inCalls } from "./changes";

const ids = (count: number) => Array.from({ length: count }, (_, at) => String(at));

test("many images are changed a thousand a call, and the calls' numbers add up", async () => {
  const call = vi.fn(async (some: string[] | null) => some?.length ?? 0);
  expect(await inCalls(ids(2_500), call)).toEqual({ count: 2_500, error: null });
  expect(call.mock.calls.map(([some]) => some?.length)).toEqual([1_000, 1_000, 500]);
});

test("what fails ends it, and what was done before is told", async () => {
  const failure = new Error("no");
  const call = vi.fn(async (some: string[] | null) => {
    if (some?.includes("1500")) throw failure;
    return some?.length ?? 0;
  });
  expect(await inCalls(ids(3_000), call)).toEqual({ count: 1_000, error: failure });
  expect(call).toHaveBeenCalledTimes(2);
});

test("all of a project are one call", async () => {
  const call = vi.fn(async () => 12_000);
  expect(await inCalls(null, call)).toEqual({ count: 12_000, error: null });
  expect(call).toHaveBeenCalledExactlyOnceWith(null);
});
