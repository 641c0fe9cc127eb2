import fc from "fast-check";
import { expect, test } from "vitest";
import { rowsOf } from "./csv";

const rows = (text: string) => [...rowsOf(text)];

test("fields in quotes hold commas, lines and quotes", () => {
  expect(rows('"a, b","say ""so""","two\r\nlines"\r\n1,,3\r\n')).toEqual([
    ["a, b", 'say "so"', "two\r\nlines"],
    ["1", "", "3"],
  ]);
});

test("the apostrophe that keeps spreadsheets from taking a name for a formula stays one", () => {
  expect(rows("'=SUM(A1).png,1\n")).toEqual([["'=SUM(A1).png", "1"]]);
});

test("rows end in any way, and empty lines are none", () => {
  expect(rows("a,b\rc,d\n\r\n\ne,")).toEqual([
    ["a", "b"],
    ["c", "d"],
    ["e", ""],
  ]);
});

test("a byte order mark belongs to no field", () => {
  expect(rows("\ufefflabel\n1")).toEqual([["label"], ["1"]]);
});

test("a quote that is never closed ends with the text", () => {
  expect(rows('a,"b\nc')).toEqual([["a", "b\nc"]]);
});

test("whatever is written is read again", () => {
  const written = (field: string) => `"${field.replaceAll('"', '""')}"`;
  const fields = fc.array(fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", "'") }), {
    minLength: 2,
    maxLength: 5,
  });
  fc.assert(
    fc.property(fc.array(fields), (table) => {
      const text = table.map((row) => row.map(written).join(",")).join("\r\n");
      expect(rows(text)).toEqual(table);
    }),
  );
});
