import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { announce } from "../state/announce";
import { check, connection, refusal, unsaved } from "../state/connection";
import { ready } from "../state/storage";

/** What is wrong with the server, and what the page does about it. */
export function Notices() {
  const state = connection.value;
  const before = useRef(state);
  useEffect(() => {
    if (before.current !== "ok" && state === "ok") announce(t("lost.back"));
    before.current = state;
  }, [state]);
  return (
    <div class="notices" role="alert">
      {state !== "ok" && (
        <p class="notice">
          <span>
            <strong>{t(state === "loading" ? "lost.loading" : "lost.title")}</strong> {t("lost.note")}{" "}
            {ready.value && unsaved.value > 0 && t("unsaved", { count: unsaved.value })}
          </span>
          <button type="button" onClick={() => void check()}>{t("lost.retry")}</button>
        </p>
      )}
      {refusal.value !== null && <p class="notice">{t("refused", { why: refusal.value })}</p>}
    </div>
  );
}
