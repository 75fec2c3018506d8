// The search of conversations that live in the browser: every word somewhere, without regard to case.
import { shorten } from "../base/text";

export const wordsOf = (query: string): string[] => query.normalize("NFC").toLowerCase().split(/\s+/u).filter((w) => w !== "");

/** Each word of the query is in one of the texts. An empty query matches all. */
export function matches(query: string, texts: string[]): boolean {
  const lower = texts.map((t) => t.toLowerCase());
  return wordsOf(query).every((word) => lower.some((text) => text.includes(word)));
}

/** Up to 160 code points around the first hit, or null if there is none. */
export function snippet(query: string, texts: string[]): string | null {
  for (const word of wordsOf(query)) {
    for (const text of texts) {
      const hit = text.toLowerCase().indexOf(word);
      if (hit < 0) continue;
      const from = Math.max(0, hit - 40);
      const start = from > 0 ? text.slice(from).replace(/^[\uDC00-\uDFFF]/, "") : text;
      return shorten((from > 0 ? "…" : "") + start.replace(/\s+/gu, " "), 160);
    }
  }
  return null;
}
