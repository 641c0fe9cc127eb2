// Has Node.js run the files of docs/clients as a bundler would: TypeScript, JSX, Relay's documents.
// What they, and the drivers here, import is installed there.
import { readFileSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

const snippets = new URL("../../docs/clients/", import.meta.url);
const require = createRequire(snippets);
const babel = require("@babel/core");
const settings = {
  cwd: fileURLToPath(snippets),
  babelrc: false,
  configFile: false,
  presets: [
    [require.resolve("@babel/preset-react"), { runtime: "automatic" }],
    require.resolve("@babel/preset-typescript"),
  ],
  plugins: [[require.resolve("babel-plugin-relay"), { eagerEsModules: true }]],
};

registerHooks({
  resolve(specifier, context, next) {
    const isPackage = /^[@\w]/.test(specifier) && !specifier.startsWith("node:");
    const isOurs = !context.parentURL?.includes("/node_modules/");
    const parentURL = isPackage && isOurs ? `${snippets}package.json` : context.parentURL;
    try {
      return next(specifier, { ...context, parentURL });
    } catch (error) {
      // Bundlers and the documents of Relay leave the extension out.
      if (isPackage || !isOurs) throw error;
      return next(`${specifier}.ts`, context);
    }
  },
  load(url, context, next) {
    if (!/\.tsx?$/.test(url)) return next(url, context);
    const filename = fileURLToPath(url);
    const { code } = babel.transformSync(readFileSync(filename, "utf8"), { ...settings, filename });
    return { format: "module", source: code, shortCircuit: true };
  },
});
