import { number, t } from "../i18n/i18n";
import { contextOf } from "../state/models";
import type { Message, Timings } from "../store/types";

/** Tokens, speed and how full the context is. */
export function AnswerStats({ message: m, timings }: { message: Message; timings: Timings | null }) {
  const tokens = m.usage?.completion_tokens ?? timings?.predicted_n;
  if (tokens === undefined) return null;
  const prompt = m.usage?.prompt_tokens ?? (timings?.prompt_n !== undefined ? timings.prompt_n + (timings.cache_n ?? 0) : undefined);
  const cached = m.usage?.prompt_tokens_details?.cached_tokens ?? timings?.cache_n ?? 0;
  const total = contextOf(m.model ?? m.params?.model);
  const used = (prompt ?? 0) + tokens;
  const details = [
    prompt !== undefined && t("stats.prompt", { count: prompt, cached }),
    timings?.prompt_per_second && t("stats.prompt.speed", { speed: number(timings.prompt_per_second, 1) }),
  ].filter(Boolean).join(", ");
  const context = total !== null && prompt !== undefined ? t("stats.context", { used, total }) : null;
  return (
    <div class="stats" role="group" aria-label={t("stats.label")} title={details}>
      {m.model !== null && <span class="model-name">{m.model}</span>}
      <span>{t("stats.tokens", { count: tokens })}</span>
      {timings?.predicted_per_second !== undefined && (
        <span>{t("stats.speed", { speed: number(timings.predicted_per_second, 1) })}</span>
      )}
      {context !== null && <meter min={0} max={total!} high={total! * 0.85} value={Math.min(used, total!)} aria-label={context} title={context} />}
    </div>
  );
}
