import { memo } from "preact/compat";
import { t } from "../i18n/i18n";
import { Markdown } from "../markdown/markdown";
import { progress } from "../state/answers";
import type { Message } from "../store/types";
import { AnswerActions } from "./answer_actions";
import { AnswerEnd } from "./answer_end";
import { AnswerStats } from "./answer_stats";
import { Reading } from "./reading";
import { Reasoning } from "./reasoning";

export const AnswerMessage = memo(({ message: m }: { message: Message }) => {
  const now = progress.value.get(m.id);
  return (
    <article class="message answer" tabIndex={-1} aria-label={t("chat.answer")} aria-busy={now !== undefined} data-status={m.status}>
      {m.reasoning !== "" && <Reasoning message={m} active={now?.phase === "thinking"} />}
      {m.content !== "" && <Markdown text={m.content} growing={now !== undefined} />}
      {now && <Reading progress={now} />}
      {!now && <AnswerEnd message={m} />}
      <AnswerStats message={m} timings={now?.timings ?? m.timings} />
      {!now && m.status !== "streaming" && <AnswerActions message={m} />}
    </article>
  );
});
