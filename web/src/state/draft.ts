// The unsent text of the message box, per conversation, also over a reload.
import { computed, effect, signal, untracked } from "@preact/signals";
import { forget, isString, kept } from "./kept";
import { route } from "./route";

const drafts = new Map<string, ReturnType<typeof kept<string>>>();

function of(id: string | null) {
  const name = `draft.${id ?? "new"}`;
  let s = drafts.get(name);
  if (!s) drafts.set(name, (s = untracked(() => kept(name, "", isString))));
  return s;
}

export const draft = signal("");
export const draftStamp = signal(0); // one more whenever the page, not the writer, sets the text

export function setDraft(text: string): void {
  draft.value = text;
  draftStamp.value++;
}

const store = computed(() => of(route.value));

effect(() => {
  const s = store.value;
  untracked(() => setDraft(s.peek()));
});

effect(() => {
  const text = draft.value;
  const s = store.peek();
  s.value = text;
  if (text === "") forget(`draft.${route.peek() ?? "new"}`);
});
