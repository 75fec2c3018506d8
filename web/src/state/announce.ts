// What a screen reader is told: finished sentences of an answer, not its tokens, and what happened.
import { signal } from "@preact/signals";

export const announcement = signal("");

export function announce(text: string): void {
  // the same words twice are said twice
  announcement.value = announcement.peek() === text ? text + "\u00a0" : text;
}

/** The sentences of `text` that are complete from `from` on, and where they end. Markdown signs are left out. */
export function finishedSentences(text: string, from: number): { said: string; end: number } {
  const rest = text.slice(from);
  let end = 0;
  for (const m of rest.matchAll(/[.!?…。！？](?=[\s"'”’)\]])\s*|\n+/gu)) end = m.index + m[0].length;
  const said = rest.slice(0, end).replace(/[*_`#>|]+/g, "").replace(/\s+/g, " ").trim();
  return { said, end: from + end };
}
