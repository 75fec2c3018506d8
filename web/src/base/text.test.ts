import { describe, expect, it } from "vitest";
import { cleanInput, shorten, titleOf } from "./text";

describe("text", () => {
  it("shortens by code points", () => {
    expect(shorten("가나다라", 4)).toBe("가나다라");
    expect(shorten("가나다라마", 4)).toBe("가나다…");
    expect(shorten("👩👩👩", 2)).toBe("👩…");
  });
  it("takes a title from the first line that has words", () => {
    expect(titleOf("\n\n## Hello there\nmore")).toBe("Hello there");
    expect(titleOf("   ")).toBe("");
  });
  it("composes Hangul, keeps emoji, drops what is no text", () => {
    expect(cleanInput(" \u1112\u1161\u11ab ")).toBe("한");
    expect(cleanInput("a\ud800b\0c👍")).toBe("a\ufffdb\ufffdc👍");
  });
});
