import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { cleanInput } from "../base/text";
import { t } from "../i18n/i18n";
import { edit } from "../state/answers";
import { editing } from "../state/editing";
import { focusBox } from "../state/keyboard";
import type { Message } from "../store/types";
import { SendField } from "./send_field";

/** A question with other words becomes a branch beside the old one. */
export function EditForm({ message: m }: { message: Message }) {
  const [text, setText] = useState(m.content);
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => {
    const field = form.current!.querySelector("textarea")!;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }, []);
  const leave = () => {
    editing.value = null;
    focusBox();
  };
  const send = (value: string) => {
    const clean = cleanInput(value);
    if (clean === "" && m.attachments.length === 0) return false;
    leave();
    edit(m, clean, m.attachments);
    return true;
  };
  return (
    <form
      ref={form} class="message question edit" aria-label={t("message.edit")}
      onSubmit={(e) => (e.preventDefault(), void send(text))}
      onKeyDown={(e) => e.code === "Escape" && !e.isComposing && (e.preventDefault(), leave())}
    >
      <SendField id={`edit-${m.id}`} label={t("message.edit")} value={text} onValue={setText} onSend={send} />
      <div class="row">
        <button type="button" onClick={leave}>{t("common.cancel")}</button>
        <button type="submit" class="primary">{t("message.edit.send")}</button>
      </div>
    </form>
  );
}
