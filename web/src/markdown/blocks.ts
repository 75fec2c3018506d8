// Markdown text -> tokens of its blocks, also while the text grows.
import { Lexer, Marked, type MarkedOptions, type Token, type Tokens } from "marked";
import { blockMath, inlineMath } from "./math";

const marked = new Marked({ gfm: true, breaks: false, extensions: [blockMath, inlineMath] });
const options: MarkedOptions = marked.defaults;

type Links = Lexer["tokens"]["links"];

function lex(text: string, links: Links): { tokens: Token[]; links: Links } {
  try {
    const lexer = new Lexer(options);
    Object.assign(lexer.tokens.links, links);
    const tokens = lexer.lex(text);
    return { tokens, links: { ...tokens.links } };
  } catch {
    // thousands of nested quotes: shown as the text they are
    const plain: Tokens.Text = { type: "text", raw: text, text, escaped: false };
    return { tokens: [plain], links };
  }
}

const isSpace = (t: Token) => t.type === "space";

/**
 * The blocks of a text that only grows. Blocks that cannot change any more keep their identity, so that what shows them
 * need not look again; only the last two that are not white space are read anew (a list item that starts may still join the
 * list before it). `finish` reads all once more, for links whose address came later.
 */
export class GrowingMarkdown {
  private text = "";
  private settled: Token[] = [];
  private settledLength = 0;
  private links: Links = {};

  update(text: string): Token[] {
    if (!text.startsWith(this.text.slice(0, this.settledLength))) this.reset();
    this.text = text;
    const { tokens, links } = lex(text.slice(this.settledLength), this.links);
    const solid = tokens.flatMap((t, i) => (isSpace(t) ? [] : [i]));
    const open = solid.length > 2 ? solid[solid.length - 2]! : 0;
    const length = tokens.slice(0, open).reduce((sum, t) => sum + t.raw.length, 0);
    const all = [...this.settled, ...tokens];
    // marked turns tabs and line ends into its own; then raw texts do not add up, and all stays open
    if (open > 0 && text.startsWith(tokens.slice(0, open).map((t) => t.raw).join(""), this.settledLength)) {
      this.settled = [...this.settled, ...tokens.slice(0, open)];
      this.settledLength += length;
      this.links = links;
    }
    return all;
  }

  finish(text: string): Token[] {
    this.reset();
    return lex(text, {}).tokens;
  }

  private reset(): void {
    this.text = "";
    this.settled = [];
    this.settledLength = 0;
    this.links = {};
  }
}

export const blocksOf = (text: string): Token[] => lex(text, {}).tokens;
