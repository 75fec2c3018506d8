// What happens when the page opens, and when other tabs or the address change something.
import { effect } from "@preact/signals";
import { HttpError } from "../api/http";
import * as answers from "./answers";
import { loadConfig } from "./config";
import { check, connection, report, whenBack } from "./connection";
import { apiKey } from "./key";
import * as open from "./conversation";
import * as library from "./library";
import { loadModels } from "./models";
import { route } from "./route";
import { openStorage, outbox, ready, tabs } from "./storage";

export async function start(): Promise<void> {
  await configured();
  await openStorage(
    {
      stored(id, what) {
        open.confirmed(id, what);
        tabs.changed(id);
        library.refreshSoon();
      },
      forked(id, copy, winner) {
        if (id !== open.header.peek().id) return;
        const follow = open.leaf.peek() === winner.id;
        open.showMessage(winner);
        open.showMessage(copy);
        if (follow) open.showBranch(copy.id);
      },
      gone: library.removed,
    },
    answers.answering,
  );
  listen();
  effect(() => {
    const id = route.value;
    if (id === null) {
      if (open.header.peek().version !== 0 || open.started.peek()) open.startNew();
    } else if (id !== open.header.peek().id || !open.started.peek()) void show(id);
  });
  let first = true;
  effect(() => {
    void apiKey.value; // again with each new key
    void loadModels();
    void library.refresh();
    if (!first) again();
    first = false;
  });
}

const show = (id: string) => open.openConversation(id, () => answers.living(id));

/** The server is back, or has got its key. */
function again(): void {
  outbox.retry();
  if (route.peek() !== null && (open.loadError.peek() === "lost" || !open.started.peek())) void show(route.peek()!);
}

function listen(): void {
  tabs.listen({
    changed(id) {
      library.refreshSoon();
      if (id === open.header.peek().id) showSoon(id);
    },
    deleted: library.removed,
    live(id, message) {
      if (id === open.header.peek().id && open.messages.peek().has(message.id)) {
        const version = open.messages.peek().get(message.id)!.version;
        open.showMessage({ ...message, version: Math.max(version, message.version) });
      }
    },
  });
  whenBack(() => {
    again();
    void loadModels();
    void library.refresh();
  });
  // another machine may have written meanwhile
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || connection.peek() !== "ok") return;
    library.refreshSoon();
    const id = route.peek();
    if (id !== null && answers.living(id).length === 0) showSoon(id);
  });
}

let timer: ReturnType<typeof setTimeout> | null = null;
function showSoon(id: string): void {
  if (timer !== null) clearTimeout(timer);
  timer = setTimeout(() => {
    if (ready.peek() && id === route.peek()) void show(id);
  }, 150);
}

/** Waits until the server says how it is configured. */
async function configured(): Promise<void> {
  for (;;) {
    try {
      return await loadConfig();
    } catch (e) {
      report(e instanceof HttpError && e.status !== 503 ? new HttpError(0, e.message) : e);
      await new Promise((r) => setTimeout(r, 1500));
      await check();
    }
  }
}
