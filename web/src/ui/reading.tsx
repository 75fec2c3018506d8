import type { Progress } from "../chat/answer";
import { duration, t } from "../i18n/i18n";

/** Before the first word: waiting for a slot, then how much of the prompt is read. */
export function Reading({ progress: p }: { progress: Progress & { silent: boolean } }) {
  if (p.silent) return <p class="phase">{t("answer.silent")}</p>;
  if (p.phase === "waiting") return <p class="phase"><span class="dots" aria-hidden="true" />{t("answer.waiting")}</p>;
  if (p.phase !== "reading") return null;
  const fresh = p.read - p.cached;
  const left = fresh > 0 && p.ms > 0 ? (p.ms / fresh) * (p.total - p.read) : 0;
  return (
    <div class="phase reading">
      <span>{t("answer.reading")}</span>
      <progress max={Math.max(1, p.total)} value={p.read} aria-label={t("answer.reading")} />
      <span class="note">
        {t("answer.reading.of", { done: p.read, total: p.total })}
        {left >= 1000 && ` · ${t("answer.left", { time: duration(left) })}`}
      </span>
    </div>
  );
}
