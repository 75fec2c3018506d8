import { describe, expect, it } from "vitest";
import { message } from "../chat/message";
import { extend, mergeHeader } from "./merge";
import type { Header } from "./types";

const base: Header = {
  id: "c", title: "t", settings: { temperature: 1, seed: 3 }, head: "a", created_at: 0, updated_at: 0, version: 1, revision: 1,
};

describe("mergeHeader", () => {
  it("keeps what the other changed and what this tab changed", () => {
    const mine: Header = { ...base, title: "mine", settings: { temperature: 0 } };
    const theirs: Header = { ...base, head: "b", settings: { temperature: 1, seed: 3, top_p: 0.9 }, version: 2 };
    expect(mergeHeader(base, mine, theirs)).toEqual({
      ...theirs, title: "mine", head: "b", settings: { temperature: 0, top_p: 0.9 }, version: 2,
    });
  });
  it("without a base takes this tab's title and head", () => {
    expect(mergeHeader(null, { ...base, title: "mine" }, { ...base, title: "theirs" }).title).toBe("mine");
  });
});

describe("extend", () => {
  const earlier = { ...message("assistant", "q"), content: "one", reasoning: "hm" };
  it("knows its own earlier write", () => {
    expect(extend(earlier, { ...earlier, content: "one two" })).toBe(true);
    expect(extend(earlier, { ...earlier, content: "other" })).toBe(false);
    expect(extend(earlier, { ...earlier, reasoning: "" })).toBe(false);
  });
});
