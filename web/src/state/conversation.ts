// The conversation on the screen.
import { batch, computed, signal } from "@preact/signals";
import { HttpError } from "../api/http";
import { newId } from "../base/id";
import { newestLeaf, pathTo, subtree, type Messages } from "../chat/tree";
import { mergeHeader } from "../store/merge";
import type { Conversation, Header, Message, Settings } from "../store/types";
import { report } from "./connection";
import { defaults } from "./defaults";
import { go } from "./route";
import { outbox, store, tabs } from "./storage";

export const header = signal<Header>(fresh());
export const messages = signal<Messages>(new Map());
export const leaf = signal<string | null>(null);
export const path = computed(() => pathTo(messages.value, leaf.value));
export const loading = signal(false);
export const loadError = signal<"missing" | "lost" | null>(null);

let saved: Header | null = null; // as the store has it; null for a new conversation
let asked = 0;

function fresh(): Header {
  const now = Date.now();
  return { id: newId(), title: "", settings: { ...defaults.peek() }, head: null, created_at: now, updated_at: now, version: 0, revision: 0 };
}

/** Is there something to see or to lose? */
export const started = computed(() => messages.value.size > 0);

export function startNew(): void {
  asked++;
  saved = null;
  batch(() => {
    header.value = fresh();
    messages.value = new Map();
    leaf.value = null;
    loading.value = false;
    loadError.value = null;
  });
}

/** Shows conversation `id`. `living`: newer states of messages that this tab is receiving. */
export async function openConversation(id: string, living: () => Message[]): Promise<void> {
  const ask = ++asked;
  const again = header.peek().id === id && started.peek();
  loading.value = !again;
  loadError.value = null;
  let stored: Conversation | null = null;
  try {
    stored = await store.get(id);
  } catch (e) {
    report(e);
    if (ask !== asked) return;
    if (!outbox.conversations.has(id) || !(e instanceof HttpError)) {
      batch(() => ((loading.value = false), (loadError.value = again ? null : "lost")));
      return;
    }
  }
  if (ask !== asked) return;
  show(id, stored, living(), again);
  if (loadError.peek() === null) await mendAbandoned(ask);
}

function show(id: string, stored: Conversation | null, living: Message[], again: boolean): void {
  const { messages: list = [], ...head } = stored ?? {};
  let top: Header | null = stored ? (head as Header) : null;
  saved = top;
  const all = new Map(list.map((m) => [m.id, m]));
  for (const write of outbox.waiting(id)) {
    if (write.kind === "header") top = top ? mergeHeader(write.base, write.header, top) : write.header;
    else if (write.kind === "message") all.set(write.message.id, { ...write.message, feedback: all.get(write.message.id)?.feedback ?? null });
    else if (all.has(write.message)) all.set(write.message, { ...all.get(write.message)!, feedback: write.feedback });
  }
  for (const m of living) all.set(m.id, m);
  batch(() => {
    loading.value = false;
    if (!top) {
      loadError.value = "missing";
      messages.value = new Map();
      leaf.value = null;
      return;
    }
    header.value = top;
    const here = leaf.peek();
    messages.value = all;
    if (!again || here === null || !all.has(here)) leaf.value = newestLeaf(all, top.head);
    else if (all.get(here) && pathTo(all, top.head).some((m) => m.id === here)) leaf.value = newestLeaf(all, here);
  });
}

/** An answer that no tab of this browser is receiving any more, and that got nothing for a while: it was cut off. */
async function mendAbandoned(ask: number): Promise<void> {
  const open = () => [...messages.peek().values()].filter((m) => m.status === "streaming" && !mine(m.id));
  if (open().length === 0) return;
  const { answering } = await tabs.roll();
  if (ask !== asked) return;
  for (const m of open()) if (!answering.has(m.id)) saveMessage({ ...m, status: "interrupted" });
}

let mine: (id: string) => boolean = () => false;
export function setReceiving(test: (id: string) => boolean): void {
  mine = test;
}

/** Shows a message of the open conversation as it is now; keeps nothing. */
export function showMessage(message: Message): void {
  messages.value = new Map(messages.peek()).set(message.id, message);
}

/** Shows it, and keeps it in the store within `delay` ms. */
export function saveMessage(message: Message, delay = 0, conversation = header.peek().id): void {
  if (conversation === header.peek().id) showMessage(message);
  void outbox.put(conversation, { kind: "message", message }, delay);
}

/** Changes title, settings or head. A new conversation is kept from its first message on. */
export function changeHeader(change: Partial<Pick<Header, "title" | "settings" | "head">>): void {
  header.value = { ...header.peek(), ...change };
  if (saved === null && !started.peek()) return;
  void outbox.put(header.peek().id, { kind: "header", header: header.peek(), base: saved });
}

export function changeSettings(change: Partial<Settings>): void {
  const settings: Record<string, unknown> = { ...header.peek().settings, ...change };
  for (const name of Object.keys(settings)) if (settings[name] === undefined || settings[name] === "") delete settings[name];
  changeHeader({ settings: settings as Settings });
}

/** Shows the branch through `id`, to its newest end, and remembers it. */
export function showBranch(id: string): void {
  leaf.value = newestLeaf(messages.peek(), id);
  changeHeader({ head: leaf.peek() });
}

/** The first message gives the address its id. */
export function nameInAddress(): void {
  go(header.peek().id, true);
}

export async function deleteBranch(id: string): Promise<void> {
  const conversation = header.peek().id;
  await store.deleteMessage(conversation, id);
  const gone = subtree(messages.peek(), id);
  const parent = messages.peek().get(id)?.parent ?? null;
  const left = new Map([...messages.peek()].filter(([key]) => !gone.has(key)));
  batch(() => {
    messages.value = left;
    if (leaf.peek() !== null && gone.has(leaf.peek()!)) leaf.value = newestLeaf(left, parent);
  });
  changeHeader({ head: leaf.peek() });
  tabs.changed(conversation);
}

/** The store confirmed a write: take over the version that it made. */
export function confirmed(conversation: string, what: Header | Message | null): void {
  if (conversation !== header.peek().id || what === null) return;
  if ("title" in what) {
    // with a newer change on its way the screen is ahead; the outbox brings both together
    if (outbox.waiting(conversation).some((w) => w.kind === "header")) return;
    saved = what;
    header.value = what;
  } else {
    const shown = messages.peek().get(what.id);
    if (shown && shown.version !== what.version) showMessage({ ...shown, version: what.version });
  }
}
