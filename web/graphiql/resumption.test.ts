import { getOperationAST, parse } from "graphql";
import { describe, expect, it } from "vitest";
import { resumption, revisionIn } from "./resumption";

function resumptionOf(document: string) {
  const operation = getOperationAST(parse(document));
  if (!operation) throw new Error("no operation");
  return resumption(operation);
}

describe("resumption", () => {
  it("is by the variable that is the cursor, whatever its name", () => {
    expect(
      resumptionOf(`subscription ($p: ID!, $from: BigInt) {
        images: segmentationUpdated(projectId: $p, after: $from) { revision }
      }`),
    ).toEqual({ key: "images", variable: "from" });
    expect(
      resumptionOf(`subscription ($after: BigInt) {
        segmentationUpdated(projectId: "prj_1", after: $after) { revision }
      }`),
    ).toEqual({ key: "segmentationUpdated", variable: "after" });
  });

  it("is none where the document has the cursor, or streams begin with the state", () => {
    for (const field of [
      'segmentationUpdated(projectId: "prj_1", after: 0) { revision }',
      'segmentationUpdated(projectId: "prj_1") { revision }',
      "projectUpdated { revision }",
    ]) {
      expect(resumptionOf(`subscription { ${field} }`)).toBeNull();
    }
  });
});

it("goes on behind the revision of the last event", () => {
  expect(revisionIn({ data: { images: { revision: 7 } } }, "images")).toBe(7);
  expect(revisionIn({ data: { images: { status: "QUEUED" } } }, "images")).toBeUndefined();
  expect(revisionIn({ data: null }, "images")).toBeUndefined();
});
