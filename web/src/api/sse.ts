// Server-sent events from a byte stream, as the HTML standard splits them, without EventSource (which cannot POST).

export type SseItem = { data: string } | { comment: string };

/** Feed decoded text in any pieces; get the events and comments that are complete. */
export class SseParser {
  private rest = "";
  private data: string[] = [];
  private first = true;

  push(text: string): SseItem[] {
    if (this.first && text !== "") {
      this.first = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    this.rest += text;
    const items: SseItem[] = [];
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.rest); // a \r at the very end may be half of \r\n
      if (!end) return items;
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      const item = this.line(line);
      if (item) items.push(item);
    }
  }

  private line(line: string): SseItem | null {
    if (line === "") {
      if (this.data.length === 0) return null;
      const data = this.data.join("\n");
      this.data = [];
      return { data };
    }
    if (line.startsWith(":")) return { comment: line.slice(1).trim() };
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field === "data") this.data.push(colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, ""));
    return null; // event, id and retry have no meaning here
  }
}

/** The events of a response body; characters cut by the network are put together again. */
export async function* readSse(body: ReadableStream<Uint8Array>): AsyncGenerator<SseItem> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
    yield* parser.push(decoder.decode() + "\n\n"); // a last event without its blank line still counts
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
