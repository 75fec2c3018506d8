import { describe, expect, it } from "vitest";
import { HttpError } from "../api/http";
import { message } from "../chat/message";
import { Outbox, type Events } from "./outbox";
import { Conflict, type Store } from "./store";
import type { Header, Message } from "./types";

// jsdom has no IndexedDB: entries live as long as the page, which is what the outbox does in such a browser.

function setUp(putMessage: (m: Message, call: number) => Message) {
  const log: string[] = [];
  let calls = 0;
  const store = {
    putHeader: async (h: Header) => ({ ...h, version: h.version + 1 }),
    putMessage: async (_: string, m: Message) => putMessage(m, calls++),
    putFeedback: async () => void log.push("feedback"),
  } as unknown as Store;
  const events: Events = {
    stored: (_, what) => void (what && "content" in what && log.push(`${what.content}@${what.version}`)),
    forked: (_, copy, winner) => void log.push(`fork ${copy.content} beside ${winner.content}`),
    gone: (id) => void log.push(`gone ${id}`),
    state: (unsaved) => void (last.unsaved = unsaved),
  };
  const last = { unsaved: 0 };
  return { outbox: new Outbox(store, "tab", events), log, last };
}

const draft = (content: string): Message => ({ ...message("assistant", "q"), id: "m", content });
const accept = (m: Message): Message => ({ ...m, version: m.version + 1 });

describe("Outbox", () => {
  it("sends the newest state once, with the version of the last success", async () => {
    const { outbox, log, last } = setUp(accept);
    void outbox.put("c", { kind: "message", message: draft("a") }, 0);
    void outbox.put("c", { kind: "message", message: draft("ab") }, 0);
    await outbox.settled();
    void outbox.put("c", { kind: "message", message: draft("abc") }, 0);
    await outbox.settled();
    expect(log).toEqual(["ab@1", "abc@2"]);
    expect(last.unsaved).toBe(0);
  });

  it("keeps what a lost server did not confirm, and sends it later", async () => {
    const { outbox, log, last } = setUp((m, call) => {
      if (call === 0) throw new HttpError(0, "gone");
      return accept(m);
    });
    void outbox.put("c", { kind: "message", message: draft("a") });
    await outbox.settled();
    expect(last.unsaved).toBe(1);
    expect(outbox.waiting("c")).toHaveLength(1);
    outbox.retry();
    await outbox.settled();
    expect(log).toEqual(["a@1"]);
  });

  it("goes on from its own earlier write whose response was lost", async () => {
    const { outbox, log } = setUp((m) => {
      if (m.version === 0) throw new Conflict<Message>({ ...draft("a"), version: 1 });
      return accept(m);
    });
    void outbox.put("c", { kind: "message", message: draft("a and more") });
    await outbox.settled();
    expect(log).toEqual(["a and more@2"]);
  });

  it("brings headers of two tabs together, also one that was changed while the first was on its way", async () => {
    const base: Header = { id: "c", title: "t", settings: {}, head: null, created_at: 0, updated_at: 0, version: 1, revision: 1 };
    let stored: Header = { ...base, settings: { temperature: 0.5 }, version: 2 }; // the other tab was first
    const store = {
      putHeader: async (h: Header) => {
        await new Promise((r) => setTimeout(r, 10));
        if (h.version !== stored.version) throw new Conflict(stored);
        return (stored = { ...h, version: h.version + 1 });
      },
    } as unknown as Store;
    const outbox = new Outbox(store, "tab", { stored() {}, forked() {}, gone() {}, state() {} });
    void outbox.put("c", { kind: "header", header: { ...base, settings: { seed: 7 } }, base });
    await new Promise((r) => setTimeout(r, 15));
    void outbox.put("c", { kind: "header", header: { ...base, settings: { seed: 7, top_k: 3 }, head: "m" }, base });
    for (let i = 0; i < 3; i++) {
      await outbox.settled();
      await new Promise((r) => setTimeout(r, 20));
    }
    expect([stored.settings, stored.head]).toEqual([{ temperature: 0.5, seed: 7, top_k: 3 }, "m"]);
  });

  it("saves a lost race as a branch beside the winner", async () => {
    const { outbox, log } = setUp((m) => {
      if (m.id === "m") throw new Conflict<Message>({ ...draft("theirs"), version: 4 });
      return accept(m);
    });
    void outbox.put("c", { kind: "message", message: draft("mine") });
    await outbox.settled();
    await new Promise((r) => setTimeout(r, 20));
    await outbox.settled();
    expect(log).toEqual(["fork mine beside theirs", "mine@1"]);
  });

  it("drops the writes of a deleted conversation and keeps refused ones without blocking the rest", async () => {
    const { outbox, log, last } = setUp((m) => {
      if (m.content === "big") throw new HttpError(413, "too large");
      if (m.content === "late") throw new HttpError(404, "no such conversation");
      return accept(m);
    });
    void outbox.put("c", { kind: "message", message: draft("big") });
    void outbox.put("gone", { kind: "message", message: { ...draft("late"), id: "l" } });
    void outbox.put("c", { kind: "feedback", message: "m", feedback: null });
    await outbox.settled();
    expect(log).toEqual(["gone gone", "feedback"]);
    expect(last.unsaved).toBe(1);
  });
});
