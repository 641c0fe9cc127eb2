import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: ["{src,graphiql}/**/*.{ts,tsx}", "!src/gql/**"],
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        scalars: {
          BigInt: "number",
          DateTime: "string",
          GeoJSON: "GeoJSON.FeatureCollection<GeoJSON.Polygon, { id: number }>",
          JSON: "unknown",
          Upload: "File",
        },
        defaultScalarType: "unknown",
        enumsAsTypes: true,
        strictScalars: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
