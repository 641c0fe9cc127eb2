import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { gzipAsync } from "@gfx/zopfli";
import react from "@vitejs/plugin-react";
import { defaultClientConditions, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

const LARGE = 2 ** 19;
const BEST = { level: 9 };
const HUB = process.env.CELLHUB_URL ?? "http://127.0.0.1:8000";

// Documents are imported by their names instead of looked up by their texts, so that each part of the
// pages has those that it sends, and no table of all.
function documents(): Plugin {
  return {
    name: "documents",
    enforce: "pre",
    transform(code, id) {
      if (!/\.tsx?$/.test(id) || id.includes("/src/gql/") || !code.includes("graphql(`"))
        return undefined;
      const names: string[] = [];
      const replaced = code.replace(/\bgraphql\(`([^`]*)`\)/g, (_, text: string) => {
        const [, kind, name] = /(query|mutation|subscription|fragment)\s+(\w+)/.exec(text) ?? [];
        const document = `${name}${kind === "fragment" ? "FragmentDoc" : "Document"}`;
        names.push(document);
        return document;
      });
      const from = JSON.stringify(join(import.meta.dirname, "src/gql/graphql"));
      return { code: `import { ${names.join(", ")} } from ${from};${replaced}`, map: null };
    },
  };
}

// The hub sends what is compressed already to whoever takes it. Zopfli makes it smaller by a thirtieth, but takes
// too long for the editor of GraphiQL.
function compressed(): Plugin {
  let folder: string;
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir, config.build.assetsDir);
    },
    async writeBundle() {
      for (const name of await readdir(folder)) {
        if (!/\.(js|css|svg|ttf)$/.test(name)) continue;
        const content = await readFile(join(folder, name));
        const packed =
          content.length < LARGE
            ? await gzipAsync(content, {})
            : await promisify(gzip)(content, BEST);
        await writeFile(join(folder, `${name}.gz`), packed);
      }
    },
  };
}

export default defineConfig({
  plugins: [documents(), react(), compressed()],
  // RxJS comes for browsers of today, too, but not by default.
  resolve: { conditions: ["es2015", ...defaultClientConditions] },
  // The hub puts a new nonce in its place with each answer.
  html: { cspNonce: "%NONCE%" },
  build: {
    outDir: "../hub/static",
    emptyOutDir: true,
    // Content-Security-Policy lets nothing in that stands in an address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // GraphiQL has its editor, which nothing else loads.
    chunkSizeWarningLimit: 3_000,
    rollupOptions: {
      input: { index: "index.html", graphiql: "graphiql.html" },
      // What GraphiQL's files tell the compiler that they went through already.
      onLog: (level, log, report) => log.code !== "MODULE_LEVEL_DIRECTIVE" && report(level, log),
    },
  },
  server: {
    proxy: {
      "^/(files|exports|deepzoom)/": HUB,
      "/graphql": { target: HUB, ws: true },
    },
  },
  test: { include: ["{src,graphiql}/**/*.test.{ts,tsx}"], environment: "node" },
});
