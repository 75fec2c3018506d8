import { t } from "../i18n/i18n";
import type { Key } from "../i18n/messages";
import { current, goOn, regenerate } from "../state/answers";
import type { Message } from "../store/types";

const reasons: Record<string, Key> = {
  connection: "why.connection", key: "why.key", loading: "why.loading", busy: "why.busy",
};

function words(m: Message): string | null {
  const known = reasons[m.error ?? ""];
  const why = m.error === null ? t("why.page") : known ? t(known) : m.error;
  if (m.status === "streaming") return t("answer.elsewhere");
  if (m.status === "interrupted") return t("answer.interrupted", { why });
  if (m.status === "failed") return t("answer.failed", { why });
  if (m.status === "stopped") return t("answer.stopped");
  return m.finish_reason === "length" ? t("answer.length") : null;
}

/** How an answer ended if it did not end by itself, and what can be done. */
export function AnswerEnd({ message: m }: { message: Message }) {
  const said = words(m);
  if (said === null) return null;
  const bad = m.status === "failed" || m.status === "interrupted";
  const empty = m.content === "" && m.reasoning === "";
  const busy = current.value !== null;
  return (
    <p class={bad ? "ended error" : "ended"} role={bad ? "alert" : undefined}>
      <span>{said}</span>
      {m.status !== "streaming" && !empty && (
        <button type="button" disabled={busy} onClick={() => goOn(m)}>{t("answer.continue")}</button>
      )}
      {m.status !== "streaming" && (bad || empty) && (
        <button type="button" disabled={busy} onClick={() => regenerate(m)}>{t("answer.again")}</button>
      )}
    </p>
  );
}
