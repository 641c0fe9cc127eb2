import fc from "fast-check";
import { expect, test } from "vitest";
import { inside } from "./inside";

test("a link leads to where it asks to, within the hub", () => {
  for (const next of ["/", "/projects/prj_1?status=FAILED#a", "/projects/1/images/2"]) {
    expect(inside(next)).toBe(next);
  }
});

test("a link leads nowhere else", () => {
  const elsewhere = ["//example.org", "/\\example.org", "/\t/example.org", "/\n\\example.org"];
  for (const next of [null, "", "projects", "https://example.org", "javascript:0", ...elsewhere]) {
    expect(inside(next)).toBe("/");
  }
  const next = fc.array(fc.constantFrom(..."/\\\t\n\r.:@ae")).map((letters) => letters.join(""));
  fc.assert(
    fc.property(next, (text) => {
      expect(new URL(inside(text), "https://hub.example").origin).toBe("https://hub.example");
    }),
  );
});
