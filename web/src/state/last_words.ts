// IndexedDB may not finish while a page closes; localStorage does. What an answer had then waits here for the next page.
import { isObject } from "./kept";
import type { Message } from "../store/types";

const prefix = "dure.last.";

export function leaveLastWords(conversation: string, message: Message): void {
  try {
    localStorage.setItem(prefix + message.id, JSON.stringify({ conversation, message }));
  } catch {
    // full or blocked: the outbox has a state that is half a second old
  }
}

/** Takes what closed pages left, cut off as it is. */
export function takeLastWords(): { conversation: string; message: Message }[] {
  const found: { conversation: string; message: Message }[] = [];
  try {
    for (const key of Object.keys(localStorage).filter((k) => k.startsWith(prefix))) {
      const left: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
      localStorage.removeItem(key);
      if (!isObject(left) || !isObject(left["message"]) || typeof left["conversation"] !== "string") continue;
      found.push({ conversation: left["conversation"], message: { ...(left["message"] as unknown as Message), status: "interrupted" } });
    }
  } catch {
    // blocked, or not ours
  }
  return found;
}
