// What shortcuts do.
import { copyText } from "../ui/copy_button";
import { actionOf, type Action } from "../input/shortcuts";
import { current, regenerate, stop } from "./answers";
import { path } from "./conversation";
import { sidebarOpen } from "./defaults";
import { dialog } from "./dialogs";
import { keyWanted } from "./key";
import { go } from "./route";
import { nextTheme } from "./theme";

export const focusBox = (): void => document.getElementById("message-box")?.focus();

function focusSearch(): void {
  sidebarOpen.value = true;
  setTimeout(() => document.getElementById("search")?.focus());
}

/** The focus goes from message to message, for reading with the keyboard. */
function focusMessage(step: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>("article.message")];
  const here = all.findIndex((a) => a.contains(document.activeElement));
  const next = here < 0 ? (step < 0 ? all.length - 1 : -1) : here + step;
  if (next >= all.length) focusBox();
  else all[Math.max(0, next)]?.focus();
}

const lastAnswer = () => path.peek().findLast((m) => m.role === "assistant");

const actions: Record<Action, () => void> = {
  new: () => (go(null), setTimeout(focusBox)),
  search: focusSearch,
  sidebar: () => (sidebarOpen.value = !sidebarOpen.peek()),
  box: focusBox,
  previous: () => focusMessage(-1),
  next: () => focusMessage(1),
  regenerate: () => {
    const last = lastAnswer();
    if (last && current.peek() === null) regenerate(last);
  },
  copy: () => void copyText(lastAnswer()?.content ?? ""),
  settings: () => (dialog.value = { name: "settings" }),
  theme: nextTheme,
  list: () => (dialog.value = { name: "shortcuts" }),
};

export function onKey(e: KeyboardEvent): void {
  if (dialog.peek() !== null || keyWanted.peek()) return; // windows have their own keys
  const target = e.target as HTMLElement;
  const typing = target.matches("textarea, input, select, [contenteditable]");
  if (e.code === "Escape" && !e.isComposing && !e.defaultPrevented && current.peek() !== null) {
    e.preventDefault();
    return stop();
  }
  const action = actionOf(e, typing);
  if (action === null) return;
  e.preventDefault();
  actions[action]();
}
