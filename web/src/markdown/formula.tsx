import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { MathToken } from "./math";

// KaTeX is larger than all the rest of the page: fetched when a first formula is shown.
const katex = signal<typeof import("./katex").render | null>(null);
let asked = false;

function load(): void {
  if (asked) return;
  asked = true;
  import("./katex").then((m) => (katex.value = m.render), () => (asked = false));
}

/** A formula; its source until KaTeX is there or while its end is missing. */
export function Formula({ token }: { token: MathToken }) {
  const place = useRef<HTMLElement>(null);
  const render = katex.value;
  const ready = render !== null && token.closed;
  useLayoutEffect(() => {
    if (ready && place.current) render(token.tex, place.current, token.display);
    else if (!ready) load();
  }, [ready, token.tex, token.display]);
  const kind = token.display ? "formula display" : "formula";
  // two keys: KaTeX's elements must not be mixed with ours
  if (!ready) return <code key="source" class={kind}>{token.tex}</code>;
  return <span key="math" class={kind} ref={place} tabIndex={token.display ? 0 : undefined} />;
}
