// The other tabs of this browser: who is alive, what they change, what they are answering.
import { newId } from "../base/id";
import type { Message } from "./types";

type Note =
  | { type: "who"; from: string }
  | { type: "here"; from: string; answering: string[] }
  | { type: "changed"; from: string; conversation: string }
  | { type: "deleted"; from: string; conversation: string | null }
  | { type: "live"; from: string; conversation: string; message: Message };

export interface TabEvents {
  changed(conversation: string): void;
  deleted(conversation: string | null): void;
  live(conversation: string, message: Message): void;
}

const patience = 250; // ms for the others to answer

export class Tabs {
  readonly id = newId();
  private readonly channel = new BroadcastChannel("dure");
  private readonly callers = new Set<(from: string, answering: string[]) => void>();
  private events: TabEvents | null = null;

  constructor(private readonly answering: () => string[]) {
    this.channel.onmessage = (e: MessageEvent<Note>) => this.receive(e.data);
  }

  listen(events: TabEvents): void {
    this.events = events;
  }

  changed(conversation: string): void {
    this.channel.postMessage({ type: "changed", from: this.id, conversation } satisfies Note);
  }

  deleted(conversation: string | null): void {
    this.channel.postMessage({ type: "deleted", from: this.id, conversation } satisfies Note);
  }

  live(conversation: string, message: Message): void {
    this.channel.postMessage({ type: "live", from: this.id, conversation, message } satisfies Note);
  }

  /** Ids of the other tabs that live, and of the messages that they are answering. */
  async roll(): Promise<{ tabs: Set<string>; answering: Set<string> }> {
    const tabs = new Set<string>();
    const answering = new Set<string>();
    const caller = (from: string, ids: string[]) => {
      tabs.add(from);
      ids.forEach((id) => answering.add(id));
    };
    this.callers.add(caller);
    this.channel.postMessage({ type: "who", from: this.id } satisfies Note);
    await new Promise((r) => setTimeout(r, patience));
    this.callers.delete(caller);
    return { tabs, answering };
  }

  private receive(note: Note): void {
    if (note.type === "who") {
      this.channel.postMessage({ type: "here", from: this.id, answering: this.answering() } satisfies Note);
    } else if (note.type === "here") {
      this.callers.forEach((call) => call(note.from, note.answering));
    } else if (note.type === "changed") {
      this.events?.changed(note.conversation);
    } else if (note.type === "deleted") {
      this.events?.deleted(note.conversation);
    } else {
      this.events?.live(note.conversation, note.message);
    }
  }
}
