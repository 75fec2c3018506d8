// Markdown as elements. Nothing here can become HTML by itself: tokens turn into elements one by one, and raw HTML in the
// text is shown as text.
import { useMemo, useRef } from "preact/hooks";
import { Blocks } from "./block";
import { blocksOf, GrowingMarkdown } from "./blocks";

/** `growing`: the text is being written; blocks that are complete are not looked at again. */
export function Markdown({ text, growing }: { text: string; growing: boolean }) {
  const stream = useRef<GrowingMarkdown | null>(null);
  const tokens = useMemo(() => {
    if (!growing) {
      stream.current = null;
      return blocksOf(text);
    }
    stream.current ??= new GrowingMarkdown();
    return stream.current.update(text);
  }, [text, growing]);
  return (
    <div class="markdown" dir="auto">
      <Blocks tokens={tokens} growing={growing} />
    </div>
  );
}
