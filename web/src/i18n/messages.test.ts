import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bytes, chosen, duration, t } from "./i18n";
import { messages, type Key } from "./messages";

const keys = Object.keys(messages) as Key[];
const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return /(?<!\.test)\.tsx?$/.test(name) && name !== "messages.ts" ? [readFileSync(path, "utf8")] : [];
  });
}

describe("messages", () => {
  it("has every text in both languages, with the same values to fill in", () => {
    for (const key of keys) {
      const [en, ko] = messages[key];
      expect(en.trim(), key).not.toBe("");
      expect(ko, key).toMatch(/[가-힣]/);
      expect(en, key).not.toMatch(/[가-힣]/);
      expect(names(ko), key).toEqual(names(en));
    }
  });
  it("has no text that nobody shows", () => {
    const code = sources("src").join("\n");
    const families = [...code.matchAll(/`([a-z_]+\.)\$\{/g)].map((m) => m[1]!); // t(`tag.${name}`)
    const unused = keys.filter((k) => !code.includes(`"${k}"`) && !families.some((f) => k.startsWith(f)));
    expect(unused).toEqual([]);
  });
  it("fills in and formats", () => {
    chosen.value = "ko";
    expect(t("branch.of", { index: 1, count: 2 })).toBe("2개 중 1번째");
    expect(duration(63_000)).toBe("1분 3초");
    chosen.value = "en";
    expect(t("branch.of", { index: 1, count: 2 })).toBe("1 of 2");
    expect([duration(4200), duration(42_000), duration(7_500_000)]).toEqual(["4.2 s", "42 s", "2 h 5 min"]);
    expect([bytes(10), bytes(1536), bytes(9663676416)]).toEqual(["10 B", "1.5 KiB", "9 GiB"]);
  });
});
