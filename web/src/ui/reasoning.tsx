import { useState } from "preact/hooks";
import { duration, t } from "../i18n/i18n";
import { Markdown } from "../markdown/markdown";
import { thoughtsOpen } from "../state/defaults";
import type { Message } from "../store/types";

/** What the model thought, folded, with its time. */
export function Reasoning({ message: m, active }: { message: Message; active: boolean }) {
  const [byHand, setByHand] = useState<boolean | null>(null);
  const open = byHand ?? (active && thoughtsOpen.value);
  const time = duration(m.reasoning_ms ?? 0);
  return (
    <div class={`reasoning ${active ? "active" : ""}`}>
      <button type="button" aria-expanded={open} onClick={() => setByHand(!open)}>
        {active ? `${t("answer.thinking")} · ${time}` : t("answer.thought", { time })}
      </button>
      {open && <Markdown text={m.reasoning} growing={active} />}
    </div>
  );
}
