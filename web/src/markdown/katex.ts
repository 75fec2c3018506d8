import katex from "katex";
import "katex/dist/katex.min.css";

/** Fills `place` with the formula, or with its source in red if it is not TeX. Bounded: no \href, no endless macros. */
export function render(tex: string, place: HTMLElement, displayMode: boolean): void {
  try {
    katex.render(tex, place, { displayMode, throwOnError: true, trust: false, strict: "ignore", maxExpand: 500, maxSize: 30 });
  } catch {
    // What KaTeX itself would show has a style attribute, which the page's policy forbids.
    const source = document.createElement("code");
    source.className = "wrong";
    source.textContent = tex;
    place.replaceChildren(source);
  }
}
