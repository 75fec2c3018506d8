import { useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { close } from "../state/dialogs";
import { keyWanted, setKey } from "../state/key";
import { DialogFrame } from "./dialog";

export function KeyDialog() {
  const [key, change] = useState("");
  const [remember, setRemember] = useState(true);
  const leave = () => {
    keyWanted.value = false;
    close();
  };
  const submit = (e: Event) => {
    e.preventDefault();
    setKey(key, remember);
    close();
  };
  return (
    <DialogFrame title={t("key.title")} onClose={leave}>
      <form onSubmit={submit}>
        <p>{t("key.note")}</p>
        <label class="field">
          <span>{t("settings.key")}</span>
          <input type="password" autocomplete="off" value={key} onInput={(e) => change(e.currentTarget.value)} autofocus />
        </label>
        <label class="check">
          <input type="checkbox" checked={remember} onChange={(e) => setRemember(e.currentTarget.checked)} />
          <span>{t("key.remember")}</span>
        </label>
        <footer>
          <button type="submit" class="primary" disabled={key.trim() === ""}>{t("key.use")}</button>
        </footer>
      </form>
    </DialogFrame>
  );
}
