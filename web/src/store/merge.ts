// What to do when somebody else wrote first.
import type { Header, Message } from "./types";

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** The stored header with the fields that this tab changed since `base`; settings field by field. */
export function mergeHeader(base: Header | null, mine: Header, current: Header): Header {
  const settings: Record<string, unknown> = { ...current.settings };
  const before: Record<string, unknown> = { ...base?.settings };
  for (const name of new Set([...Object.keys(before), ...Object.keys(mine.settings)])) {
    const value = (mine.settings as Record<string, unknown>)[name];
    if (same(before[name], value)) continue;
    if (value === undefined) delete settings[name];
    else settings[name] = value;
  }
  return {
    ...current,
    settings,
    title: base && base.title === mine.title ? current.title : mine.title,
    head: base && base.head === mine.head ? current.head : mine.head,
  };
}

/** True if `mine` goes on from `current`: then `current` is an earlier write of the same answer whose response was lost. */
export function extend(current: Message, mine: Message): boolean {
  return current.parent === mine.parent && mine.content.startsWith(current.content) && mine.reasoning.startsWith(current.reasoning);
}
