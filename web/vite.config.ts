import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const HUB = process.env.CELLHUB_URL ?? "http://127.0.0.1:8000";

// The hub sends what is compressed already to whoever takes it.
function compressed(): Plugin {
  let folder: string;
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir, config.build.assetsDir);
    },
    async closeBundle() {
      for (const name of await readdir(folder)) {
        if (!/\.(js|css|svg|ttf)$/.test(name)) continue;
        const content = await readFile(join(folder, name));
        await writeFile(join(folder, `${name}.gz`), await promisify(gzip)(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
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
