import { useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { report } from "../state/connection";
import { close } from "../state/dialogs";
import { DialogFrame } from "./dialog";

/** Asks before something is lost. A failure is shown, and the window stays. */
export function ConfirmDialog({ text, action, run }: { text: string; action: string; run: () => Promise<void> }) {
  const [why, setWhy] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    try {
      await run();
      close();
    } catch (e) {
      report(e);
      setWhy(e instanceof Error ? e.message : String(e));
      setBusy(false);
    }
  };
  return (
    <DialogFrame title={action}>
      <p>{text}</p>
      {why !== null && <p role="alert" class="error">{t("conversation.failed", { why })}</p>}
      <footer>
        <button type="button" onClick={close}>{t("common.cancel")}</button>
        <button type="button" class="danger" disabled={busy} onClick={() => void act()}>{action}</button>
      </footer>
    </DialogFrame>
  );
}
