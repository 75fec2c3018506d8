import { useState } from "preact/hooks";
import { cleanInput } from "../base/text";
import { t } from "../i18n/i18n";
import { close } from "../state/dialogs";
import { header } from "../state/conversation";
import { conversations, rename } from "../state/library";
import { DialogFrame } from "./dialog";

export function RenameDialog({ id }: { id: string }) {
  const conversation = header.peek().id === id ? header.peek() : conversations.peek().find((c) => c.id === id);
  const [title, setTitle] = useState(conversation?.title ?? "");
  const submit = (e: Event) => {
    e.preventDefault();
    const clean = Array.from(cleanInput(title)).slice(0, 200).join("");
    if (conversation && clean !== "") void rename(conversation, clean);
    close();
  };
  return (
    <DialogFrame title={t("conversation.rename")}>
      <form onSubmit={submit}>
        <label class="field">
          <span>{t("conversation.title")}</span>
          <input type="text" value={title} onInput={(e) => setTitle(e.currentTarget.value)} autofocus />
        </label>
        <footer>
          <button type="button" onClick={close}>{t("common.cancel")}</button>
          <button type="submit" class="primary">{t("common.save")}</button>
        </footer>
      </form>
    </DialogFrame>
  );
}
