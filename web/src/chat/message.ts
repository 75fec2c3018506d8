import { newId } from "../base/id";
import type { Message } from "../store/types";

/** An empty message below `parent`. */
export function message(role: Message["role"], parent: string | null): Message {
  return {
    id: newId(), parent, role, content: "", reasoning: "", reasoning_ms: null, attachments: [],
    status: role === "user" ? "complete" : "streaming",
    error: null, finish_reason: null, model: null, params: null, usage: null, timings: null,
    created_at: Date.now(), version: 0, feedback: null,
  };
}
