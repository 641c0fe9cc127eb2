// Unpacks Chromium, its libraries and fonts into the folder for temporary files, as the package does.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import chromium, { inflate } from "@sparticuz/chromium";

const entry = fileURLToPath(import.meta.resolve("@sparticuz/chromium"));
await chromium.executablePath();
await inflate(join(entry, "..", "..", "bin", "al2023.tar.br"));
