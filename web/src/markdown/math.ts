// TeX in Markdown: $…$ and \(…\) in a line, $$…$$ and \[…\] as blocks.
import type { TokenizerExtension, Tokens } from "marked";

export interface MathToken extends Tokens.Generic {
  type: "math";
  raw: string;
  tex: string;
  display: boolean;
  closed: boolean; // false while the end has not come yet
}

const made = (raw: string, tex: string, display: boolean, closed = true): MathToken =>
  ({ type: "math", raw, tex: tex.trim(), display, closed });

const block = /^ {0,3}(?:\$\$([\s\S]*?)(?:\$\$[ \t]*(?:\n|$)|$(?![\s\S]))|\\\[([\s\S]*?)(?:\\\][ \t]*(?:\n|$)|$(?![\s\S])))/;

export const blockMath: TokenizerExtension = {
  name: "math",
  level: "block",
  start: (src) => /(?:^|\n) {0,3}(?:\$\$|\\\[)/.exec(src)?.index,
  tokenizer(src) {
    const m = block.exec(src);
    if (!m) return undefined;
    const closed = /(?:\$\$|\\\])\s*$/.test(m[0].slice(m[0].search(/\S/) + 2));
    const tex = m[1] ?? m[2] ?? "";
    return /\n\s*\n/.test(tex) && !closed ? undefined : made(m[0], tex, true, closed); // a stray $$ must not eat all below
  },
};

// As Pandoc reads $: no white space inside its ends, no digit after it, so that "$5 and $6" stays money.
const inline = /^(?:\$\$([^$]+?)\$\$|\$(?!\s)((?:\\.|[^\\$\n])+?)(?<!\s)\$(?!\d)|\\\(([\s\S]+?)\\\)|\\\[([\s\S]+?)\\\])/;

export const inlineMath: TokenizerExtension = {
  name: "inlineMath",
  level: "inline",
  start: (src) => /\$|\\[([]/.exec(src)?.index,
  tokenizer(src) {
    const m = inline.exec(src);
    if (!m) return undefined;
    const display = m[1] ?? m[4];
    return made(m[0], display ?? m[2] ?? m[3] ?? "", display !== undefined);
  },
};
