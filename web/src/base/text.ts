/** The first `limit` code points, never half an emoji, with … where something was cut. */
export function shorten(text: string, limit: number): string {
  const points = Array.from(text);
  return points.length <= limit ? text : points.slice(0, limit - 1).join("") + "…";
}

/** A title from a first message: its first line that is not empty, without Markdown signs at the start. */
export function titleOf(text: string): string {
  const line = text.split("\n").map((l) => l.replace(/^[\s#>*`-]+/, "").trim()).find((l) => l !== "") ?? "";
  return shorten(line, 60);
}

/** What a text field sends: NFC, without lone surrogates or NUL, without blank ends. */
export function cleanInput(text: string): string {
  return text.normalize("NFC").replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]|\0/g, "\uFFFD").trim();
}
