// The store that the server's configuration asks for, the outbox in front of it, and the other tabs.
import { signal } from "@preact/signals";
import { local } from "../store/local";
import { Outbox, type Events, type Write } from "../store/outbox";
import { remote } from "../store/remote";
import type { Store } from "../store/store";
import { Tabs } from "../store/tabs";
import { config } from "./config";
import { takeLastWords } from "./last_words";
import { refusal, report, unsaved, whenBack } from "./connection";

export let store: Store = remote;
export let outbox: Outbox;
export let tabs: Tabs;
export const ready = signal(false);

/** A write that an ended tab left behind: its answer is no longer being written. */
function repair(write: Write): Write {
  if (write.kind !== "message" || write.message.status !== "streaming") return write;
  return { kind: "message", message: { ...write.message, status: "interrupted" } };
}

/** `answering`: the messages that this tab is receiving. */
export async function openStorage(events: Omit<Events, "state">, answering: () => string[]): Promise<void> {
  store = config.value.storage === "server" ? remote : local;
  tabs = new Tabs(answering);
  outbox = new Outbox(store, tabs.id, {
    ...events,
    state(count, error) {
      unsaved.value = count;
      if (count === 0) refusal.value = null;
      if (error && (error.status === 507 || (!error.transient && error.status !== 401))) refusal.value = error.message;
      report(error);
    },
  });
  whenBack(() => outbox.retry());
  const others = await tabs.roll();
  await outbox.adopt((owner) => others.tabs.has(owner), repair).catch(() => undefined);
  for (const { conversation, message } of takeLastWords()) void outbox.put(conversation, { kind: "message", message });
  ready.value = true;
}
