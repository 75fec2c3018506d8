// The list of conversations beside the chat, and its search.
import { batch, signal } from "@preact/signals";
import { HttpError } from "../api/http";
import type { Conversation, Header, Summary } from "../store/types";
import { report } from "./connection";
import * as open from "./conversation";
import { go, route } from "./route";
import { outbox, store, tabs } from "./storage";

export const conversations = signal<Summary[]>([]);
export const query = signal("");
export const more = signal<string | null>(null); // cursor of the next page
export const listed = signal(false); // the list has been there once

let asked: AbortController | null = null;

/** Reads the first page for the present query. */
export async function refresh(): Promise<void> {
  asked?.abort();
  const ask = (asked = new AbortController());
  try {
    const page = await store.list(query.peek().trim(), null, ask.signal);
    if (ask.signal.aborted) return;
    batch(() => {
      conversations.value = withUnsaved(page.data);
      more.value = page.next_cursor;
      listed.value = true;
    });
  } catch (e) {
    if (ask.signal.aborted) return;
    report(e);
  }
}

export async function loadMore(): Promise<void> {
  const cursor = more.peek();
  if (cursor === null) return;
  try {
    const page = await store.list(query.peek().trim(), cursor);
    const known = new Set(conversations.peek().map((c) => c.id));
    batch(() => {
      conversations.value = [...conversations.peek(), ...page.data.filter((c) => !known.has(c.id))];
      more.value = page.next_cursor;
    });
  } catch (e) {
    report(e);
  }
}

let timer: ReturnType<typeof setTimeout> | null = null;

/** Reads the list soon: many changes, one request. */
export function refreshSoon(delay = 300): void {
  if (timer !== null) clearTimeout(timer);
  timer = setTimeout(() => void refresh(), delay);
}

/** Conversations that the server does not know yet stand in the list too. */
function withUnsaved(data: Summary[]): Summary[] {
  if (query.peek().trim() !== "") return data;
  const known = new Set(data.map((c) => c.id));
  const fresh: Summary[] = [];
  for (const id of outbox.conversations) {
    if (known.has(id)) continue;
    for (const w of outbox.waiting(id)) if (w.kind === "header" && w.header.version === 0) fresh.push({ ...w.header, messages: 0, snippet: null });
  }
  return [...fresh, ...data];
}

export async function rename(conversation: Header, title: string): Promise<void> {
  conversations.value = conversations.peek().map((c) => (c.id === conversation.id ? { ...c, title } : c));
  if (open.header.peek().id === conversation.id) open.changeHeader({ title });
  else await outbox.put(conversation.id, { kind: "header", header: { ...conversation, title }, base: conversation });
}

/** Throws HttpError if the server does not do it; then nothing has changed. */
export async function remove(id: string | null): Promise<void> {
  await (id === null ? store.deleteAll() : store.deleteConversation(id));
  await outbox.forget(id);
  removed(id);
  tabs.deleted(id);
}

/** It was deleted, here or in another tab. */
export function removed(id: string | null): void {
  conversations.value = id === null ? [] : conversations.peek().filter((c) => c.id !== id);
  if (id === null || open.header.peek().id === id) {
    open.startNew();
    if (route.peek() !== null) go(null);
  }
}

/** For export. */
export async function whole(id: string): Promise<Conversation> {
  const conversation = await store.get(id);
  if (!conversation) throw new HttpError(404, "no such conversation", "not_found");
  return conversation;
}
