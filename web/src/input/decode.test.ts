import { describe, expect, it } from "vitest";
import { decodeAs, detect } from "./decode";

// Node reads only the EUC-KR part of CP949; the browser test has a file of the rest.
const utf16 = (text: string, little: boolean) => {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), little);
  return new Uint8Array(view.buffer);
};

describe("detect", () => {
  const cases: [string, Uint8Array, string, string][] = [
    ["UTF-8", new TextEncoder().encode("두레\n"), "utf-8", "두레\n"],
    ["UTF-8 with a mark", Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), "utf-8", "a"],
    ["EUC-KR", Uint8Array.of(0xb5, 0xce, 0xb7, 0xb9, 0x0a), "euc-kr", "두레\n"],
    ["UTF-16 with a mark", Uint8Array.of(0xff, 0xfe, ...utf16("두레", true)), "utf-16le", "두레"],
    ["UTF-16 without", utf16("hello, world", false), "utf-16be", "hello, world"],
    ["Latin-1", new Uint8Array([...new TextEncoder().encode("caf"), 0xe9, 0x20]), "windows-1252", "café "],
    ["empty", new Uint8Array(), "utf-8", ""],
  ];
  for (const [name, bytes, encoding, text] of cases) it(name, () => expect(detect(bytes)).toEqual({ encoding, text }));

  it("refuses what is no text", () => {
    expect(detect(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13, 1, 2))).toBe(null);
  });
  it("takes the user's word", () => {
    expect(decodeAs(Uint8Array.of(0xb5, 0xce), "euc-kr")).toBe("두");
    expect(decodeAs(Uint8Array.of(0xb5), "utf-8")).toBe("\ufffd");
  });
});
