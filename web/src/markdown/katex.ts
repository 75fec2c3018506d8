import katex from "katex";
import "katex/dist/katex.min.css";

/** Fills `place` with the formula, or with its source in red if it is not TeX. Bounded: no \href, no endless macros. */
export function render(tex: string, place: HTMLElement, displayMode: boolean): void {
  try {
    katex.render(tex, place, { displayMode, throwOnError: false, trust: false, strict: "ignore", maxExpand: 500, maxSize: 30 });
  } catch {
    place.textContent = tex;
  }
}
