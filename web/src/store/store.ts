// Where conversations live: on the server (remote.ts) or in this browser (local.ts).
import type { Conversation, Feedback, Header, Message, Page } from "./types";

/** A write met another version than it expected; `current` is what is stored. */
export class Conflict<T> extends Error {
  constructor(readonly current: T) {
    super("version conflict");
  }
}

/** Puts create at `version` 0 and replace exactly that version otherwise; they give the stored thing, or throw Conflict. */
export interface Store {
  list(query: string, cursor: string | null, signal?: AbortSignal): Promise<Page>;
  get(id: string): Promise<Conversation | null>;
  putHeader(header: Header): Promise<Header>;
  putMessage(conversation: string, message: Message): Promise<Message>;
  putFeedback(conversation: string, message: string, feedback: Feedback | null): Promise<void>;
  deleteMessage(conversation: string, message: string): Promise<void>;
  deleteConversation(id: string): Promise<void>;
  deleteAll(): Promise<void>;
}
