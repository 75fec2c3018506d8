import { describe, expect, it } from "vitest";
import { message } from "./message";
import { branch, children, newestLeaf, pathTo, subtree } from "./tree";

// a - b - c        the first question was edited once (e), and b was answered twice (c, d)
//      \- d
// e - f
const shape: [string, string | null][] = [["a", null], ["b", "a"], ["c", "b"], ["d", "b"], ["e", null], ["f", "e"]];
const messages = new Map(
  shape.map(([id, parent], i) => [id, { ...message("user", parent), id, created_at: i }]),
);

describe("tree", () => {
  it("lists branches oldest first", () => {
    expect(children(messages, null).map((m) => m.id)).toEqual(["a", "e"]);
    expect(children(messages, "b").map((m) => m.id)).toEqual(["c", "d"]);
  });
  it("walks to a leaf", () => {
    expect(pathTo(messages, "d").map((m) => m.id)).toEqual(["a", "b", "d"]);
    expect(pathTo(messages, null)).toEqual([]);
    expect(pathTo(messages, "gone")).toEqual([]);
  });
  it("finds the newest end", () => {
    expect(newestLeaf(messages, null)).toBe("f");
    expect(newestLeaf(messages, "a")).toBe("d");
    expect(newestLeaf(new Map(), null)).toBe(null);
  });
  it("knows siblings and what hangs below", () => {
    expect(branch(messages, messages.get("d")!).index).toBe(1);
    expect([...subtree(messages, "a")].sort()).toEqual(["a", "b", "c", "d"]);
  });
  it("does not loop on a circle", () => {
    const circle = new Map(messages);
    circle.set("a", { ...circle.get("a")!, parent: "c" });
    expect(pathTo(circle, "c").map((m) => m.id)).toEqual(["a", "b", "c"]);
    expect(subtree(circle, "a").size).toBe(4);
  });
});
