import { describe, expect, it } from "vitest";
import { matches, snippet } from "./search";

describe("search", () => {
  it("finds two syllables inside a longer word, and words in any case and order", () => {
    expect(matches("엔진", ["검색엔진을 만든다"])).toBe(true);
    expect(matches("MAP hash", ["a Hash", "the map"])).toBe(true);
    expect(matches("map tree", ["a hash map"])).toBe(false);
    expect(matches("  ", [])).toBe(true);
  });
  it("shows the words around a hit", () => {
    expect(snippet("두레", ["x".repeat(100) + " 두레 " + "y".repeat(300)])).toMatch(/^…x+ 두레 y+…$/);
    expect(snippet("none", ["text"])).toBe(null);
  });
});
