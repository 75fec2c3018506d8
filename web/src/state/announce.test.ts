import { describe, expect, it } from "vitest";
import { finishedSentences } from "./announce";

describe("finishedSentences", () => {
  it("says whole sentences, each once, without signs", () => {
    const text = "**Yes.** It is 3.5 m. 두레입니다. And th";
    const first = finishedSentences(text, 0);
    expect(first.said).toBe("Yes. It is 3.5 m. 두레입니다.");
    expect(finishedSentences(text, first.end)).toEqual({ said: "", end: first.end });
    expect(finishedSentences(text + "en?\n", first.end).said).toBe("And then?");
  });
});
