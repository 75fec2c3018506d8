// Prints what the bundle weighs, and fails beyond the budget: 400 kB gzip without fonts.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 400_000;
const paths = readdirSync("dist", { recursive: true, withFileTypes: true }).filter((f) => f.isFile())
  .map((f) => `${f.parentPath}/${f.name}`).sort();
let total = 0;
let fonts = 0;
for (const path of paths) {
  const bytes = readFileSync(path);
  if (path.endsWith(".woff2")) {
    fonts += bytes.length;
    continue;
  }
  const zipped = gzipSync(bytes, { level: 9 }).length;
  total += zipped;
  console.log(`${String(bytes.length).padStart(9)} ${String(zipped).padStart(8)} gzip  ${path}`);
}
console.log(`${total} bytes gzip, of ${budget}; fonts ${fonts} bytes`);
if (total > budget) process.exit(1);
