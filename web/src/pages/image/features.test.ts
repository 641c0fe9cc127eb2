import fc from "fast-check";
import { expect, test } from "vitest";
import { FeatureReader } from "./features";

const feature = (id: number, name: string) => ({
  type: "Feature",
  properties: { id, name },
  geometry: { type: "Polygon", coordinates: [[[0, id]]] },
});

function read(text: string, size: number): unknown[] {
  const reader = new FeatureReader();
  const found: unknown[] = [];
  for (let at = 0; at < text.length; at += size) {
    found.push(...reader.push(text.slice(at, at + size)));
  }
  return found;
}

test("the features are the same in whatever pieces the text arrives", () => {
  const names = fc.array(fc.string({ unit: fc.constantFrom("a", '"', "\\", "{", "}", "[") }));
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 80 }), fc.boolean(), (all, size, isWide) => {
      const features = all.map((name, id) => feature(id, name));
      const text = JSON.stringify(
        { type: "FeatureCollection", name: 'a "{', crs: { type: "name" }, features },
        null,
        isWide ? 2 : 0,
      );
      expect(read(text, size)).toEqual(features);
    }),
  );
});

test("what is broken is told", () => {
  expect(() => read('{"features":[{"type":"Feature","id":}]}', 10)).toThrow(SyntaxError);
});
