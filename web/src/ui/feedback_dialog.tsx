import { useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { close } from "../state/dialogs";
import { giveFeedback } from "../state/feedback";
import { messages } from "../state/conversation";
import { DialogFrame } from "./dialog";

const tags = {
  up: ["correct", "clear", "complete", "other"],
  down: ["wrong", "incomplete", "instructions", "language", "style", "unsafe", "slow", "other"],
} as const;

/** Why an answer was good or bad, and what it should have been. The thumb itself is kept already. */
export function FeedbackDialog({ id, rating }: { id: string; rating: "up" | "down" }) {
  const given = messages.peek().get(id)?.feedback;
  const [picked, setPicked] = useState<string[]>(given?.tags ?? []);
  const [comment, setComment] = useState(given?.comment ?? "");
  const [correction, setCorrection] = useState(given?.correction ?? "");
  const toggle = (tag: string) => setPicked(picked.includes(tag) ? picked.filter((p) => p !== tag) : [...picked, tag]);
  const submit = (e: Event) => {
    e.preventDefault();
    giveFeedback(id, { rating, tags: picked, comment: comment.trim(), correction: correction.trim() });
    close();
  };
  return (
    <DialogFrame title={t("feedback.title")}>
      <form onSubmit={submit}>
        <fieldset class="tags">
          <legend>{t("feedback.tags")}</legend>
          {tags[rating].map((tag) => (
            <button key={tag} type="button" class="tag" aria-pressed={picked.includes(tag)} onClick={() => toggle(tag)}>
              {t(`tag.${tag}`)}
            </button>
          ))}
        </fieldset>
        <label class="field">
          <span>{t("feedback.comment")}</span>
          <textarea rows={2} value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
        </label>
        {rating === "down" && (
          <label class="field">
            <span>{t("feedback.correction")}</span>
            <textarea rows={4} value={correction} onInput={(e) => setCorrection(e.currentTarget.value)} />
          </label>
        )}
        <p class="note">{t("feedback.note")}</p>
        <footer>
          <button type="button" onClick={() => (giveFeedback(id, null), close())}>{t("feedback.clear")}</button>
          <button type="submit" class="primary">{t("common.save")}</button>
        </footer>
      </form>
    </DialogFrame>
  );
}
