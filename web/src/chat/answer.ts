// An answer while it arrives: chunks of a chat completion -> the message and how far it is.
import type { Message, Timings, Usage } from "../store/types";

export type Phase = "waiting" | "reading" | "thinking" | "writing";

export interface Progress {
  phase: Phase;
  read: number; // prompt tokens done, those from the cache included
  cached: number;
  total: number; // 0: not known
  ms: number; // since the prompt's first new token
  thinkingSince: number | null; // on the clock of the reader
  timings: Timings | null;
}

interface Chunk {
  choices?: { delta?: { content?: string | null; reasoning_content?: string | null; reasoning?: string | null }; finish_reason?: string | null }[];
  prompt_progress?: { total: number; cache: number; processed: number; time_ms: number };
  timings?: Timings;
  usage?: Usage | null;
  model?: string;
  error?: { message?: string } | string;
}

export class AnswerError extends Error {}

export class AnswerReader {
  progress: Progress = { phase: "waiting", read: 0, cached: 0, total: 0, ms: 0, thinkingSince: null, timings: null };
  /** True once the model has ended, or the stream has said so. */
  ended = false;
  private readonly thoughtBefore: number;

  constructor(public message: Message, private readonly now: () => number = () => performance.now()) {
    this.thoughtBefore = message.reasoning_ms ?? 0;
  }

  /** One `data:` of the stream. Throws AnswerError with the server's words if it reports one. */
  data(text: string): void {
    if (text === "[DONE]") {
      this.ended = true;
      return;
    }
    let chunk: Chunk;
    try {
      chunk = JSON.parse(text) as Chunk;
    } catch {
      throw new AnswerError(`not JSON: ${text.slice(0, 80)}`);
    }
    if (chunk.error !== undefined) {
      throw new AnswerError(typeof chunk.error === "string" ? chunk.error : (chunk.error.message ?? "error"));
    }
    this.prompt(chunk.prompt_progress);
    const choice = chunk.choices?.[0];
    this.think(choice?.delta?.reasoning_content ?? choice?.delta?.reasoning ?? "");
    this.write(choice?.delta?.content ?? "");
    if (choice?.finish_reason) {
      this.ended = true;
      this.message = { ...this.message, finish_reason: choice.finish_reason };
    }
    if (chunk.timings) this.progress = { ...this.progress, timings: chunk.timings };
    if (chunk.usage) this.message = { ...this.message, usage: chunk.usage };
    if (chunk.model && chunk.model !== this.message.model) this.message = { ...this.message, model: chunk.model };
  }

  /** The message as it is kept when no more comes. */
  finish(status: Message["status"], error: string | null = null): Message {
    this.stopThinking();
    this.message = { ...this.message, status, error, timings: this.progress.timings ?? this.message.timings };
    return this.message;
  }

  private prompt(p: Chunk["prompt_progress"]): void {
    if (!p || this.progress.phase === "thinking" || this.progress.phase === "writing") return;
    this.progress = { ...this.progress, phase: "reading", read: p.processed, cached: p.cache, total: p.total, ms: p.time_ms };
  }

  private think(text: string): void {
    if (text === "") return;
    if (this.progress.thinkingSince === null) this.progress = { ...this.progress, phase: "thinking", thinkingSince: this.now() };
    const since = this.progress.thinkingSince ?? this.now();
    this.message = {
      ...this.message,
      reasoning: this.message.reasoning + text,
      reasoning_ms: Math.round(this.thoughtBefore + this.now() - since),
    };
  }

  private write(text: string): void {
    if (text === "") return;
    this.stopThinking();
    this.progress = { ...this.progress, phase: "writing" };
    this.message = { ...this.message, content: this.message.content + text };
  }

  private stopThinking(): void {
    const since = this.progress.thinkingSince;
    if (since === null || this.progress.phase !== "thinking") return;
    this.message = { ...this.message, reasoning_ms: Math.round(this.thoughtBefore + this.now() - since) };
  }
}
