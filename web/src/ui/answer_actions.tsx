import { t } from "../i18n/i18n";
import { current, regenerate } from "../state/answers";
import { deleteBranch } from "../state/conversation";
import { dialog } from "../state/dialogs";
import { giveFeedback } from "../state/feedback";
import type { Message } from "../store/types";
import { BranchSwitch } from "./branch_switch";
import { CopyButton } from "./copy_button";
import { IconButton } from "./icon_button";

export function AnswerActions({ message: m }: { message: Message }) {
  const given = m.feedback?.rating;
  const judge = (rating: "up" | "down") => () => {
    if (given !== rating) giveFeedback(m.id, { rating, tags: [], comment: "", correction: "" });
    dialog.value = { name: "feedback", message: m.id, rating };
  };
  const remove = () =>
    (dialog.value = {
      name: "confirm", text: t("message.delete.ask"), action: t("message.delete"), run: () => deleteBranch(m.id),
    });
  const busy = current.value !== null;
  return (
    <div class="actions">
      <BranchSwitch message={m} />
      <CopyButton text={() => m.content} />
      <IconButton icon="again" label={t("answer.regenerate")} disabled={busy} onClick={() => regenerate(m)} />
      <IconButton icon="up" label={t("feedback.up")} pressed={given === "up"} onClick={judge("up")} />
      <IconButton icon="down" label={t("feedback.down")} pressed={given === "down"} onClick={judge("down")} />
      <IconButton icon="trash" label={t("message.delete")} disabled={busy} onClick={remove} />
    </div>
  );
}
