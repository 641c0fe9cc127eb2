import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: ["operations.ts"],
  generates: {
    "__generated__/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        importExtension: ".ts",
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: {
          BigInt: "number",
          DateTime: "string",
          GeoJSON: "Record<string, unknown>",
          JSON: "Record<string, unknown>",
          Upload: "File",
        },
      },
    },
  },
};

export default config;
