import { readFileSync } from "node:fs";
import {
  buildSchema,
  coerceInputValue,
  type GraphQLInputType,
  Kind,
  parse,
  typeFromAST,
  validate,
} from "graphql";
import { describe, expect, it } from "vitest";
import { examples } from "./examples";

const schema = buildSchema(readFileSync("../schema.graphql", "utf8"));
const operations = examples.map(({ query, variables }) => {
  const document = parse(query);
  return { query, document, variables: JSON.parse(variables || "{}") as Record<string, unknown> };
});

describe.each(operations)("$query", ({ query, document, variables }) => {
  it("is an operation of the schema", () => {
    expect(validate(schema, document)).toEqual([]);
  });

  it("has variables that the schema takes, and no others", () => {
    const taken = new Set<string>();
    for (const operation of document.definitions) {
      if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
      for (const { variable, type } of operation.variableDefinitions ?? []) {
        const name = variable.name.value;
        taken.add(name);
        const wanted = typeFromAST(schema, type as never) as GraphQLInputType;
        const refuse = (path: readonly (string | number)[], _: unknown, error: Error) => {
          throw new Error(`${name}.${path.join(".")}: ${error.message}`);
        };
        expect(() => coerceInputValue(variables[name], wanted, refuse)).not.toThrow();
      }
    }
    expect(Object.keys(variables).sort()).toEqual([...taken].sort());
  });

  it("says what it shows, and has a name for its tab", () => {
    expect(query).toMatch(/^# [A-Z]/);
    for (const definition of document.definitions) expect(definition).toHaveProperty("name.value");
  });
});

it("shows queries, mutations and subscriptions", () => {
  const kinds = operations.map(({ document }) => {
    const [first] = document.definitions;
    return first?.kind === Kind.OPERATION_DEFINITION && first.operation;
  });
  expect(new Set(kinds)).toEqual(new Set(["query", "mutation", "subscription"]));
  expect(examples.length).toBeLessThan(10);
});
