// Writes dist/NOTICES.txt: what of other people's work is in the bundle, and their licences. Fails on a licence that
// nobody has looked at, and on a bundled package that is not listed.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const bundled = ["@preact/signals", "@preact/signals-core", "devlop", "highlight.js", "katex", "lowlight", "marked", "preact"];
const accepted = ["MIT", "BSD-3-Clause"];

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")).packages;
const needed = Object.entries(lock)
  .filter(([path, p]) => path !== "" && !p.dev && !p.optional && !p.peer)
  .map(([path]) => path.replace(/^.*node_modules\//, ""));
const notBundled = ["commander", "@types/hast", "@types/unist", "dequal"]; // KaTeX's command line, types, unused
const unknown = needed.filter((n) => !bundled.includes(n) && !notBundled.includes(n));
if (unknown.length > 0) throw new Error(`tools/notices.mjs does not know: ${unknown.join(", ")}`);

const parts = bundled.map((name) => {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  if (!accepted.includes(license)) throw new Error(`${name}: licence ${license} is not among ${accepted.join(", ")}`);
  const file = readdirSync(folder).find((f) => /^licen[cs]e(\.|$)/i.test(f));
  if (!file) throw new Error(`${name}: no licence file`);
  return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n`;
});
const head = `The chat page of Dure is under the licence of Dure. It contains the following works of others.
The licence of KaTeX's fonts is at the end.\n`;
const fonts = `KaTeX's fonts (OFL-1.1)

Copyright (c) 2009-2010, Design Science, Inc. (<www.mathjax.org>)
Copyright (c) 2014-2018 Khan Academy (<www.khanacademy.org>),
with Reserved Font Names KaTeX_AMS, KaTeX_Caligraphic, KaTeX_Fraktur, KaTeX_Main, KaTeX_Math, KaTeX_SansSerif, KaTeX_Script,
KaTeX_Size1, KaTeX_Size2, KaTeX_Size3, KaTeX_Size4 and KaTeX_Typewriter.

${readFileSync("tools/OFL-1.1.txt", "utf8")}`;
writeFileSync("dist/NOTICES.txt", [head, ...parts, fonts].join(`\n${"-".repeat(80)}\n\n`));
