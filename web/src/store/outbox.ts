// Writes on their way to the store. Each is on this browser's disk before it is sent and until it is confirmed, so a lost
// server, a full one or a reload loses nothing. One entry per thing: a newer write replaces an older one that waits.
import { HttpError } from "../api/http";
import { result, transact } from "./idb";
import { extend, mergeHeader } from "./merge";
import { Conflict, type Store } from "./store";
import type { Feedback, Header, Message } from "./types";
import { newId } from "../base/id";

export type Write =
  | { kind: "header"; header: Header; base: Header | null } // base: as it was before this tab changed it
  | { kind: "message"; message: Message }
  | { kind: "feedback"; message: string; feedback: Feedback | null };

export interface Entry {
  key: string;
  seq: number; // parents were written before their children
  owner: string; // the tab that will send it
  conversation: string;
  write: Write;
  refused?: string; // the server will not take it; kept until the page is opened again
}

export interface Events {
  stored(conversation: string, what: Header | Message | null): void;
  /** A message lost a race: what this tab had is now `copy`, a branch beside the winner. */
  forked(conversation: string, copy: Message, winner: Message): void;
  /** The conversation was deleted elsewhere; its writes are dropped. */
  gone(conversation: string): void;
  state(unsaved: number, error: HttpError | null): void;
}

const keyOf = (conversation: string, w: Write): string =>
  w.kind === "header" ? `${conversation}` : `${conversation}/${w.kind}/${w.kind === "message" ? w.message.id : w.message}`;

const retryAfter = [1000, 2000, 4000, 8000, 15000]; // ms

export class Outbox {
  private readonly entries = new Map<string, Entry>();
  private readonly versions = new Map<string, number>(); // of what this tab wrote, newer than what a caller may hold
  // Headers that met others' changes: what this tab had before, and what is stored since.
  private readonly merged = new Map<string, { mine: Header; stored: Header }>();
  private running: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private due = Infinity;
  private late = false;
  private failures = 0;
  private seq = Date.now() * 1000;

  constructor(private readonly store: Store, private readonly owner: string, private readonly events: Events) {}

  /** Keeps the write on the disk and sends it within `delay` ms. */
  async put(conversation: string, write: Write, delay = 0): Promise<void> {
    const key = keyOf(conversation, write);
    const old = this.entries.get(key);
    if (write.kind === "header" && old?.write.kind === "header") write = { ...write, base: old.write.base };
    const entry: Entry = { key, seq: old?.seq ?? this.seq++, owner: this.owner, conversation, write };
    this.entries.set(key, entry);
    this.report(null);
    this.schedule(delay);
    await this.keep(entry);
  }

  /** What waits for one conversation, in the order of writing. */
  waiting(conversation: string): Write[] {
    return this.sorted().filter((e) => e.conversation === conversation).map((e) => e.write);
  }

  get conversations(): Set<string> {
    return new Set([...this.entries.values()].map((e) => e.conversation));
  }

  /** Takes over what tabs that are no more left behind. `repair` sees each write first. */
  async adopt(alive: (owner: string) => boolean, repair: (write: Write) => Write): Promise<void> {
    const rows = await transact(["outbox"], "readonly", (t) => result(t.objectStore("outbox").getAll() as IDBRequest<Entry[]>));
    for (const { refused: _, ...row } of rows.sort((a, b) => a.seq - b.seq)) {
      if (row.owner === this.owner || alive(row.owner) || this.entries.has(row.key)) continue;
      const entry = { ...row, owner: this.owner, write: repair(row.write) };
      this.entries.set(entry.key, entry);
      await this.keep(entry);
    }
    this.report(null);
    if (this.entries.size > 0) this.schedule(0);
  }

  async forget(conversation: string | null): Promise<void> {
    for (const e of this.sorted()) if (conversation === null || e.conversation === conversation) await this.drop(e);
    this.report(null);
  }

  /** Sends now what waits. */
  retry(): void {
    this.failures = 0;
    this.schedule(0);
  }

  /** Resolves when nothing is being sent; what could not be sent still waits. */
  async settled(): Promise<void> {
    while (this.running || this.due <= Date.now()) {
      await (this.running ?? new Promise((r) => setTimeout(r, 5)));
    }
  }

  private schedule(delay: number): void {
    const due = Date.now() + delay;
    if (due >= this.due) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => {
      this.due = Infinity;
      this.late = this.running !== null;
      this.running ??= this.flush().finally(() => {
        this.running = null;
        if (this.late) this.schedule(0); // written while others were on their way
        this.late = false;
      });
    }, delay);
  }

  private async flush(): Promise<void> {
    for (const entry of this.sorted()) {
      if (entry.refused !== undefined || this.entries.get(entry.key) !== entry) continue;
      try {
        const stored = await this.send(entry);
        if (this.entries.get(entry.key) === entry) await this.drop(entry);
        this.events.stored(entry.conversation, stored);
        this.failures = 0;
        this.report(null);
      } catch (e) {
        if (!(await this.failed(entry, e instanceof HttpError ? e : new HttpError(507, String(e))))) return;
      }
    }
  }

  /** True if the entries after this one should be tried. */
  private async failed(entry: Entry, e: HttpError): Promise<boolean> {
    this.report(e);
    if (e.status === 404) {
      await this.forget(entry.conversation);
      this.events.gone(entry.conversation);
      return true;
    }
    if (e.transient || e.status === 401) {
      const wait = retryAfter[Math.min(this.failures++, retryAfter.length - 1)]!;
      if (e.status !== 401) this.schedule(Math.max(wait, (e.retryAfter ?? 0) * 1000));
      return false;
    }
    if (this.entries.get(entry.key) === entry) this.entries.set(entry.key, { ...entry, refused: e.message });
    return true;
  }

  private async send({ conversation, write, key }: Entry): Promise<Header | Message | null> {
    if (write.kind === "feedback") {
      await this.store.putFeedback(conversation, write.message, write.feedback);
      return null;
    }
    for (let attempt = 0; attempt < 5; attempt++) {
      const stored = await (write.kind === "header" ? this.sendHeader(conversation, write) : this.sendMessage(conversation, write));
      if (stored === "again") continue;
      if (stored) this.versions.set(key, stored.version);
      return stored;
    }
    throw new HttpError(409, "the same thing was changed elsewhere again and again");
  }

  private async sendHeader(conversation: string, write: Write & { kind: "header" }): Promise<Header | "again"> {
    const merged = this.merged.get(conversation);
    if (merged && write.header.version < merged.stored.version) {
      write.header = mergeHeader(merged.mine, write.header, merged.stored); // made before this tab saw the others' changes
      write.base = merged.stored;
    }
    try {
      const stored = await this.store.putHeader({ ...write.header, version: this.newest(conversation, write.header.version) });
      if (merged) this.merged.set(conversation, { ...merged, stored });
      return stored;
    } catch (e) {
      if (!(e instanceof Conflict)) throw e;
      const current = e.current as Header;
      this.merged.set(conversation, { mine: write.header, stored: current });
      write.header = mergeHeader(write.base, write.header, current);
      write.base = current;
      this.versions.set(conversation, current.version);
      return "again";
    }
  }

  private async sendMessage(conversation: string, write: Write & { kind: "message" }): Promise<Message | null | "again"> {
    const key = keyOf(conversation, write);
    try {
      return await this.store.putMessage(conversation, { ...write.message, version: this.newest(key, write.message.version) });
    } catch (e) {
      if (!(e instanceof Conflict)) throw e;
      const current = e.current as Message;
      if (current.status !== "streaming" && extend(write.message, current)) return current; // an older state of the same answer
      if (!extend(current, write.message)) return this.fork(conversation, write.message, current);
      this.versions.set(key, current.version);
      return "again";
    }
  }

  private newest(key: string, version: number): number {
    return Math.max(version, this.versions.get(key) ?? 0);
  }

  private async fork(conversation: string, mine: Message, winner: Message): Promise<null> {
    const copy: Message = { ...mine, id: newId(), version: 0, created_at: Date.now() };
    this.events.forked(conversation, copy, winner);
    await this.put(conversation, { kind: "message", message: copy });
    return null;
  }

  private sorted(): Entry[] {
    return [...this.entries.values()].sort((a, b) => a.seq - b.seq);
  }

  private report(error: HttpError | null): void {
    this.events.state(this.entries.size, error);
  }

  // A browser may refuse its storage (private windows); then the entry lives as long as the page.
  private async keep(entry: Entry): Promise<void> {
    await transact(["outbox"], "readwrite", async (t) => void t.objectStore("outbox").put(entry)).catch(() => undefined);
  }

  private async drop(entry: Entry): Promise<void> {
    this.entries.delete(entry.key);
    await transact(["outbox"], "readwrite", async (t) => void t.objectStore("outbox").delete(entry.key)).catch(() => undefined);
  }
}
