import type { Feedback } from "../store/types";
import { header, messages, showMessage } from "./conversation";
import { outbox } from "./storage";

/** Keeps a judgement of an answer, or takes it back with null. */
export function giveFeedback(id: string, feedback: Feedback | null): void {
  const message = messages.peek().get(id);
  if (!message) return;
  showMessage({ ...message, feedback });
  void outbox.put(header.peek().id, { kind: "feedback", message: id, feedback });
}
