// What is kept of a conversation. API.md describes every field; these are its shapes on the wire and in the page.

export interface Settings {
  model?: string;
  system?: string;
  thinking?: boolean;
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  repetition_penalty?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  max_tokens?: number;
  seed?: number;
  stop?: string[];
}

export interface Header {
  id: string;
  title: string;
  settings: Settings;
  head: string | null;
  created_at: number;
  updated_at: number;
  version: number; // 0: the server does not have it yet
  revision: number;
}

export interface Summary extends Header {
  messages: number;
  snippet: string | null;
}

export interface Attachment {
  name: string;
  encoding: string;
  bytes: number;
  text: string;
}

export type Status = "complete" | "streaming" | "stopped" | "interrupted" | "failed";

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number };
}

export interface Timings {
  prompt_n?: number;
  prompt_ms?: number;
  prompt_per_second?: number;
  cache_n?: number;
  predicted_n?: number;
  predicted_ms?: number;
  predicted_per_second?: number;
}

export interface Feedback {
  rating: "up" | "down";
  tags: string[];
  comment: string;
  correction: string;
  updated_at?: number;
}

export interface Message {
  id: string;
  parent: string | null;
  role: "user" | "assistant";
  content: string;
  reasoning: string;
  reasoning_ms: number | null;
  attachments: Attachment[];
  status: Status;
  error: string | null;
  finish_reason: string | null;
  model: string | null;
  params: Settings | null;
  usage: Usage | null;
  timings: Timings | null;
  created_at: number;
  version: number;
  feedback: Feedback | null;
}

export interface Conversation extends Header {
  messages: Message[];
}

export interface Page {
  data: Summary[];
  next_cursor: string | null;
}
