import { render } from "preact";
import { describe, expect, it } from "vitest";
import { sample } from "../../mock/sample.mjs";
import { blocksOf, GrowingMarkdown } from "./blocks";
import { decodeEntities } from "./entities";
import { safeHref } from "./links";
import { Markdown } from "./markdown";

function html(text: string, growing = false): HTMLElement {
  const place = document.createElement("div");
  render(<Markdown text={text} growing={growing} />, place);
  return place;
}

describe("safety", () => {
  const attacks = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a <svg onload=alert(1)> b", "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))", "[x](data:text/html,<script>alert(1)</script>)", "![x](javascript:alert(1))",
    "<a href='javascript:alert(1)'>x</a>", "[x](vbscript:x)", "[x][1]\n\n[1]: javascript:alert(1)", "<javascript:alert(1)>",
    "`<img src=x onerror=alert(1)>`", "```html\n<script>alert(1)</script>\n```", "<iframe src=//evil></iframe>", "<style>*{}</style>",
    "[x](&#106;avascript:alert(1))", "[x](https://a\" onmouseover=\"alert(1))", "| <img src=x onerror=alert(1)> |\n|--|\n| <b>x</b> |",
    "$\\href{javascript:alert(1)}{x}$", "<!-- --><form action=//evil><input>",
  ];
  for (const text of attacks) {
    it(text, () => {
      for (const growing of [false, true]) {
        const place = html(text, growing);
        expect(place.querySelector("script, img, svg:not(.icon), iframe, style, form, input:not([type=checkbox]), object, embed, b")).toBe(null);
        for (const a of place.querySelectorAll("a")) expect(a.href).toMatch(/^(https?:|mailto:)/);
        for (const e of place.querySelectorAll("*")) {
          for (const name of e.getAttributeNames()) expect(name, e.outerHTML).not.toMatch(/^on|^style$|^src$/);
        }
      }
    });
  }
  it("takes only addresses that open a page or a mail", () => {
    expect(safeHref("https://a.b/c")).toBe("https://a.b/c");
    expect(safeHref("mailto:a@b.c")).toBe("mailto:a@b.c");
    for (const bad of ["//a.b", "/x", "#x", "file:///etc/passwd", "https://", " https://a.b"]) expect(safeHref(bad)).toBe(null);
  });
});

describe("Markdown", () => {
  const place = html(sample);
  const count = (selector: string) => place.querySelectorAll(selector).length;
  it("knows the usual", () => {
    expect([count("strong"), count("em"), count("del"), count("table"), count("blockquote"), count("ol"), count("input[type=checkbox]")])
      .toEqual([2, 1, 1, 1, 1, 1, 1]);
    expect(place.querySelector("td br")).not.toBe(null);
    expect(place.textContent).toContain("b & c");
    expect(place.querySelector("figure figcaption")!.textContent).toContain("python");
  });
  it("tells money from math", () => {
    expect([...place.querySelectorAll(".formula")].map((e) => e.textContent)).toEqual(["e^{i\\pi} + 1 = 0", "\\frac{a}{b}", "\\int_0^1 x^2\\,dx = \\frac{1}{3}"]);
    expect(place.textContent).toContain("$5 and $6");
  });
  it("closes an open fence and an open formula for the time being", () => {
    expect(html("```c\nint x;", true).querySelector("pre")!.textContent).toBe("int x;");
    expect(html("$$\nx^2", true).querySelector("code.formula.display")!.textContent).toBe("x^2");
  });
  it("survives thousands of nested quotes", () => {
    expect(html(">".repeat(20_000) + " x").textContent).toContain("x");
  });
  it("decodes character references", () => {
    expect(decodeEntities("&lt;a&gt; &#44032; &#x1F33E; &nosuch; &#0; &#xD800;")).toBe("<a> 가 🌾 &nosuch; \uFFFD \uFFFD");
  });
});

describe("GrowingMarkdown", () => {
  it("gives at each length what reading all at once gives, and keeps settled blocks", () => {
    const growing = new GrowingMarkdown();
    let kept: unknown;
    for (let n = 1; n <= sample.length; n++) {
      const text = sample.slice(0, n);
      const tokens = growing.update(text);
      expect(JSON.stringify(tokens), JSON.stringify(text.slice(-30))).toBe(JSON.stringify(blocksOf(text)));
      if (n > 400) {
        kept ??= tokens[0];
        expect(tokens[0]).toBe(kept);
      }
    }
  });
  it("reads a link again when its address comes", () => {
    expect(html("[a][1]\n\n[1]: https://example.com").querySelector("a")!.href).toBe("https://example.com/");
  });
});
