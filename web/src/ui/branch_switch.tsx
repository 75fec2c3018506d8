import { branch } from "../chat/tree";
import { t } from "../i18n/i18n";
import { current } from "../state/answers";
import { messages, showBranch } from "../state/conversation";
import type { Message } from "../store/types";
import { IconButton } from "./icon_button";

/** Other branches at this message, if there are any. */
export function BranchSwitch({ message }: { message: Message }) {
  const { index, siblings } = branch(messages.value, message);
  if (siblings.length < 2) return null;
  const to = (i: number) => () => showBranch(siblings[i]!.id);
  const busy = current.value !== null && current.value !== message.id;
  return (
    <div class="branches" role="group" aria-label={t("branch.label")}>
      <IconButton icon="left" label={t("branch.previous")} disabled={index === 0 || busy} onClick={to(index - 1)} />
      <span aria-label={t("branch.of", { index: index + 1, count: siblings.length })}>{index + 1}/{siblings.length}</span>
      <IconButton icon="right" label={t("branch.next")} disabled={index === siblings.length - 1 || busy} onClick={to(index + 1)} />
    </div>
  );
}
