// The messages of a conversation are a tree; what is on the screen is one path through it.
import type { Message } from "../store/types";

export type Messages = ReadonlyMap<string, Message>;

const byAge = (a: Message, b: Message) => a.created_at - b.created_at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Branches at one place, oldest first. `parent` null: the first messages. */
export function children(messages: Messages, parent: string | null): Message[] {
  return [...messages.values()].filter((m) => m.parent === parent).sort(byAge);
}

/** From the first message to `leaf`. A parent that is missing, or a circle in damaged data, ends it. */
export function pathTo(messages: Messages, leaf: string | null): Message[] {
  const path: Message[] = [];
  const seen = new Set<string>();
  for (let id = leaf; id !== null && !seen.has(id); ) {
    const message = messages.get(id);
    if (!message) break;
    seen.add(id);
    path.push(message);
    id = message.parent;
  }
  return path.reverse();
}

/** The end of the newest branch below `id`, or below the start if null. */
export function newestLeaf(messages: Messages, id: string | null): string | null {
  let leaf = id !== null && messages.has(id) ? id : null;
  for (let depth = 0; depth <= messages.size; depth++) {
    const next = children(messages, leaf).at(-1);
    if (!next) break;
    leaf = next.id;
  }
  return leaf;
}

/** Where `id` stands among its siblings. */
export function branch(messages: Messages, message: Message): { index: number; siblings: Message[] } {
  const siblings = children(messages, message.parent);
  return { index: siblings.findIndex((m) => m.id === message.id), siblings };
}

/** `id` and everything below it. */
export function subtree(messages: Messages, id: string): Set<string> {
  const found = new Set([id]);
  for (const found_id of found) {
    for (const m of messages.values()) if (m.parent === found_id) found.add(m.id); // a Set visits what is added
  }
  return found;
}
