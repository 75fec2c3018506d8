import { useEffect, useRef, useState } from "preact/hooks";
import { cleanInput } from "../base/text";
import { t } from "../i18n/i18n";
import { ask, current, stop } from "../state/answers";
import { announce } from "../state/announce";
import { header, loadError, loading, path } from "../state/conversation";
import { draft, draftStamp, setDraft } from "../state/draft";
import { editing } from "../state/editing";
import { addFiles, files } from "../state/files";
import { ready } from "../state/storage";
import { FileChips } from "./file_chips";
import { IconButton } from "./icon_button";
import { SendField } from "./send_field";

export function Composer() {
  const picker = useRef<HTMLInputElement>(null);
  const [dragging, setDragging] = useState(false);
  const busy = current.value !== null;
  const usable = ready.value && !loading.value && loadError.value === null;
  const text = draft.value;
  const wanted = useRef(false);
  useEffect(() => {
    if (usable && !editing.peek()) document.getElementById("message-box")?.focus({ preventScroll: true });
  }, [header.value.id, usable]);

  const send = (value: string) => {
    const clean = cleanInput(value);
    if ((clean === "" && files.peek().length === 0) || current.peek() !== null) return false;
    if (!usable) {
      wanted.current = true; // Enter before the page is ready: sent when it is
      return false;
    }
    const attachments = files.peek().map(({ raw: _, ...a }) => a);
    setDraft("");
    files.value = [];
    ask(clean, attachments);
    return true;
  };
  useEffect(() => {
    if (usable && wanted.current) send(draft.peek());
    wanted.current = false;
  }, [usable]);
  const take = (list: Iterable<File>) => void addFiles([...list]).then((why) => why !== null && announce(why));
  const editLast = () => (editing.value = path.peek().findLast((m) => m.role === "user")?.id ?? null);
  const onDrop = (e: DragEvent) => {
    e.preventDefault();
    setDragging(false);
    take(e.dataTransfer?.files ?? []);
  };
  return (
    <form
      class={`composer ${dragging ? "dragging" : ""}`} onSubmit={(e) => (e.preventDefault(), void send(draft.peek()))}
      onDragOver={(e) => (e.preventDefault(), setDragging(true))} onDragLeave={() => setDragging(false)} onDrop={onDrop}
    >
      <FileChips />
      {dragging && <p class="note">{t("box.drop")}</p>}
      <div class="box">
        <IconButton icon="clip" label={t("box.attach")} onClick={() => picker.current!.click()} />
        <input
          ref={picker} type="file" multiple hidden aria-label={t("box.attach")}
          onChange={(e) => (take(e.currentTarget.files ?? []), (e.currentTarget.value = ""))}
        />
        <SendField
          id="message-box" label={t("box.label")} placeholder={t("box.placeholder")} describedBy="box-hint"
          value={text} stamp={draftStamp.value} onValue={(v) => (draft.value = v)} onSend={send} onEmptyUp={editLast} onFiles={take}
        />
        {busy
          ? <IconButton icon="stop" label={t("box.stop")} class="send" onClick={() => stop()} />
          : <IconButton icon="send" label={t("box.send")} class="send" disabled={!usable || (text.trim() === "" && files.value.length === 0)} onClick={() => void send(draft.peek())} />}
      </div>
      <p id="box-hint" class="note hint">{t("box.hint")}</p>
    </form>
  );
}
