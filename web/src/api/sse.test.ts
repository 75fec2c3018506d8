import { describe, expect, it } from "vitest";
import { readSse, SseParser, type SseItem } from "./sse";

const stream = 'data: {"a":"한글"}\r\n\r\n: keep-alive\n\nevent: x\ndata: one\ndata:two\n\ndata: [DONE]\n\n';
const items: SseItem[] = [{ data: '{"a":"한글"}' }, { comment: "keep-alive" }, { data: "one\ntwo" }, { data: "[DONE]" }];

describe("SseParser", () => {
  it("gives the same events however the text is cut", () => {
    for (let size = 1; size <= stream.length; size++) {
      const parser = new SseParser();
      const got: SseItem[] = [];
      for (let i = 0; i < stream.length; i += size) got.push(...parser.push(stream.slice(i, i + size)));
      expect(got).toEqual(items);
    }
  });
  it("knows lone carriage returns, a byte order mark and lines without colon", () => {
    expect(new SseParser().push("\uFEFFdata: a\rdata\r\rdata: b\n\n")).toEqual([{ data: "a\n" }, { data: "b" }]);
  });
});

describe("readSse", () => {
  it("joins characters that the network cut, and takes a last event without blank line", async () => {
    const bytes = new TextEncoder().encode("data: 두레🌾\n\ndata: end");
    const body = new ReadableStream<Uint8Array>({
      start(c) {
        for (const b of bytes) c.enqueue(Uint8Array.of(b));
        c.close();
      },
    });
    const got: SseItem[] = [];
    for await (const item of readSse(body)) got.push(item);
    expect(got).toEqual([{ data: "두레🌾" }, { data: "end" }]);
  });
});
