import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { CopyButton } from "../ui/copy_button";
import { t } from "../i18n/i18n";

const highlight = signal<typeof import("./highlight").highlight | null>(null);
let asked = false;

function load(): void {
  if (asked) return;
  asked = true;
  import("./highlight").then((m) => (highlight.value = m.highlight), () => (asked = false));
}

const openLimit = 8_000; // characters; a longer block is coloured when it is complete, not at each token
const limit = 200_000;

/** A code block. `open`: it is still being written. */
export function Code({ text, language, open }: { text: string; language: string; open: boolean }) {
  const name = /^[\w+#.-]*/.exec(language.trim())?.[0] ?? "";
  if (name !== "") load();
  const colour = highlight.value;
  const shown = useMemo(
    () => (colour && name !== "" && text.length < (open ? openLimit : limit) ? colour(text, name) : text),
    [colour, text, name, open],
  );
  return (
    <figure class="code">
      <figcaption>
        <span>{name || t("code.plain")}</span>
        <CopyButton text={() => text} />
      </figcaption>
      <pre tabIndex={0}><code>{shown}</code></pre>
    </figure>
  );
}
