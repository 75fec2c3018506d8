import { describe, expect, it } from "vitest";
import { actionOf } from "./shortcuts";

const press = (code: string, mods = "") => ({
  code, isComposing: mods.includes("i"),
  ctrlKey: mods.includes("c"), metaKey: mods.includes("m"), altKey: mods.includes("a"), shiftKey: mods.includes("s"),
});

describe("actionOf", () => {
  it("goes by the place of the key and its modifiers", () => {
    expect(actionOf(press("KeyK", "c"), true)).toBe("search");
    expect(actionOf(press("KeyK", "m"), true)).toBe("search");
    expect(actionOf(press("KeyK"), false)).toBe(null);
    expect(actionOf(press("KeyO", "cs"), true)).toBe("new");
    expect(actionOf(press("ArrowUp", "a"), true)).toBe("previous");
  });
  it("leaves plain keys and composing to the text field", () => {
    expect(actionOf(press("Slash"), false)).toBe("box");
    expect(actionOf(press("Slash"), true)).toBe(null);
    expect(actionOf(press("Slash", "s"), false)).toBe("list");
    expect(actionOf(press("KeyK", "ci"), true)).toBe(null);
  });
});
