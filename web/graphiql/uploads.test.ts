import { buildSchema, getOperationAST, parse } from "graphql";
import { beforeEach, describe, expect, it } from "vitest";
import { FileMissing, pick, picked, unpick, uploadOf } from "./uploads";

const schema = buildSchema(`
  scalar Upload
  input Input { files: [Upload!]!, cover: Upload, note: String, more: [Input!] }
  type Query { x: Int }
  type Mutation { store(input: Input!, one: Upload, note: String): Int }
`);
const A = new File(["a"], "a.tif");
const B = new File(["bb"], "b.tif");

function upload(variables: Record<string, unknown>, files = [A, B]) {
  const operation = getOperationAST(
    parse(
      `mutation ($input: Input!, $one: Upload, $note: String) {
        store(input: $input, one: $one, note: $note)
      }`,
    ),
  );
  if (!operation) throw new Error("no operation");
  return uploadOf(variables, operation, schema, files);
}

describe("uploadOf", () => {
  it("takes the files that are named, and says where", () => {
    const variables = { input: { files: ["file:b.tif", "file:a.tif"] }, one: "file:a.tif" };
    const found = upload(variables);
    expect(found?.variables).toEqual({ input: { files: [null, null] }, one: null });
    expect([...(found?.places ?? [])]).toEqual([
      [B, ["variables.input.files.0"]],
      [A, ["variables.input.files.1", "variables.one"]],
    ]);
    expect(variables.input.files[0]).toBe("file:b.tif");
  });

  it("takes all files for an asterisk in a list", () => {
    for (const files of [["file:*"], "file:*"]) {
      const found = upload({ input: { files } });
      expect(found?.variables).toEqual({ input: { files: [null, null] } });
      expect([...(found?.places.values() ?? [])].flat()).toEqual([
        "variables.input.files.0",
        "variables.input.files.1",
      ]);
    }
  });

  it("looks into lists of inputs", () => {
    const found = upload({ input: { files: [], more: [{ files: [], cover: "file:a.tif" }] } });
    expect(found?.places.get(A)).toEqual(["variables.input.more.0.cover"]);
  });

  it("leaves alone what is no Upload", () => {
    const variables = { input: { files: [], note: "file:a.tif", cover: null }, note: "file:*" };
    expect(upload(variables)).toBeNull();
    expect(upload({ input: "file:a.tif", unknown: "file:a.tif" })).toBeNull();
  });

  it("names what was not picked", () => {
    expect(() => upload({ one: "file:c.tif" })).toThrow('No file "c.tif" was picked');
    expect(() => upload({ input: { files: ["file:*"] } }, [])).toThrow(FileMissing);
  });
});

describe("what was picked", () => {
  beforeEach(() => picked.set([]));

  it("has each name once", () => {
    pick([A, B]);
    const newer = new File(["aaa"], "a.tif");
    pick([newer]);
    expect(picked.get()).toEqual([newer, B]);
    unpick(newer);
    expect(picked.get()).toEqual([B]);
  });
});
