import { memo } from "preact/compat";
import { useState } from "preact/hooks";
import { bytes, t } from "../i18n/i18n";
import { current } from "../state/answers";
import { editing } from "../state/editing";
import type { Message } from "../store/types";
import { BranchSwitch } from "./branch_switch";
import { CopyButton } from "./copy_button";
import { EditForm } from "./edit_form";
import { IconButton } from "./icon_button";

export const QuestionMessage = memo(({ message: m }: { message: Message }) => {
  if (editing.value === m.id) return <EditForm message={m} />;
  return (
    <article class="message question" tabIndex={-1} aria-label={t("chat.you")}>
      {m.attachments.map((a, i) => <FileView key={i} name={a.name} size={a.bytes} text={a.text} />)}
      {m.content !== "" && <div class="bubble" dir="auto">{m.content}</div>}
      <div class="actions">
        <BranchSwitch message={m} />
        <CopyButton text={() => m.content} />
        <IconButton icon="edit" label={t("message.edit")} disabled={current.value !== null} onClick={() => (editing.value = m.id)} />
      </div>
    </article>
  );
});

function FileView({ name, size, text }: { name: string; size: number; text: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="file" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{name} <span class="note">{bytes(size)}</span></summary>
      {open && <pre tabIndex={0}>{text.slice(0, 20_000)}{text.length > 20_000 && "…"}</pre>}
    </details>
  );
}
