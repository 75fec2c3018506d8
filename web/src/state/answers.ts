// Asking, stopping, trying again: the answers that this tab is receiving, of any conversation.
import { computed, signal } from "@preact/signals";
import { HttpError } from "../api/http";
import { titleOf } from "../base/text";
import { AnswerReader, type Progress } from "../chat/answer";
import { message } from "../chat/message";
import { requestBody } from "../chat/request";
import { stream } from "../chat/stream";
import { pathTo } from "../chat/tree";
import type { Attachment, Message, Settings } from "../store/types";
import { report } from "./connection";
import * as open from "./conversation";
import { leaveLastWords } from "./last_words";
import { models } from "./models";
import { outbox, tabs } from "./storage";

interface Receiving {
  conversation: string;
  reader: AnswerReader;
  abort: AbortController;
  heard: number; // when the last byte came, on performance.now()
}

const receiving = new Map<string, Receiving>();
open.setReceiving((id) => receiving.has(id));

/** Progress of the answers that are on their way, by message. */
export const progress = signal<ReadonlyMap<string, Progress & { silent: boolean }>>(new Map());

/** The answer that is being written at the end of the branch on the screen, or null. */
export const current = computed(() => {
  const last = open.path.value.at(-1);
  return last && progress.value.has(last.id) ? last.id : null;
});

export const answering = (): string[] => [...receiving.keys()];
export const living = (conversation: string): Message[] =>
  [...receiving.values()].filter((r) => r.conversation === conversation).map((r) => r.reader.message);

/** Sends a question below the end of the branch, and receives the answer. */
export function ask(text: string, attachments: Attachment[]): void {
  const parent = open.path.peek().at(-1)?.id ?? null;
  question({ ...message("user", parent), content: text, attachments });
}

/** A question beside `old`, with other words: a new branch. */
export function edit(old: Message, text: string, attachments: Attachment[]): void {
  question({ ...message("user", old.parent), content: text, attachments });
}

function question(user: Message): void {
  const first = !open.started.peek();
  open.showMessage(user);
  const title = first ? titleOf(user.content) || (user.attachments[0]?.name ?? "") : open.header.peek().title;
  const answer = { ...message("assistant", user.id), created_at: user.created_at + 1 };
  open.leaf.value = answer.id;
  open.changeHeader({ title, head: answer.id }); // before the messages: they need their conversation
  open.saveMessage(user);
  if (first) open.nameInAddress();
  void receive(answer, false);
}

/** Another answer to the same question: a new branch, unless `old` has no word yet. */
export function regenerate(old: Message): void {
  const empty = old.content === "" && old.reasoning === "";
  const answer = empty ? { ...old, status: "streaming" as const, error: null } : message("assistant", old.parent);
  if (!empty) {
    open.showMessage(answer);
    open.leaf.value = answer.id;
    open.changeHeader({ head: answer.id });
  }
  void receive(answer, false);
}

/** Goes on with an answer that was stopped or cut off. */
export function goOn(old: Message): void {
  void receive({ ...old, status: "streaming", error: null, finish_reason: null }, true);
}

export function stop(id: string | null = current.peek()): void {
  if (id !== null) receiving.get(id)?.abort.abort();
}

const savePause = 400; // ms between states on this browser's disk
const sendPause = 3000; // ms between states sent to the server
const silence = 60_000; // ms without a byte

async function receive(answer: Message, more: boolean): Promise<void> {
  const { id: conversation, settings: chosen } = open.header.peek();
  const settings: Settings = { ...chosen };
  if (settings.model === undefined && models.peek()[0]) settings.model = models.peek()[0]!.id;
  const path = pathTo(new Map(open.messages.peek()).set(answer.id, answer), more ? answer.id : answer.parent);
  const { system: _, ...params } = settings;
  const reader = new AnswerReader({ ...answer, params, model: answer.model ?? settings.model ?? null });
  const own: Receiving = { conversation, reader, abort: new AbortController(), heard: performance.now() };
  receiving.set(answer.id, own);
  open.saveMessage(reader.message, 0, conversation);
  publish(own);

  let frame: number | null = null;
  let savedAt = performance.now();
  const draw = () => {
    frame = null;
    publish(own);
    if (performance.now() - savedAt < savePause) return;
    savedAt = performance.now();
    void outbox.put(conversation, { kind: "message", message: reader.message }, sendPause);
    tabs.live(conversation, reader.message);
  };
  const changed = () => {
    own.heard = performance.now();
    // a page in the background gets no frames
    frame ??= document.hidden ? window.setTimeout(draw, 200) : requestAnimationFrame(draw);
  };
  const watch = setInterval(() => publish(own), 1000); // the clock of thoughts, and silence
  const outcome = await stream(requestBody(path, settings, more), reader, own.abort.signal, changed);
  clearInterval(watch);
  if (frame !== null) (cancelAnimationFrame(frame), clearTimeout(frame));
  if ("http" in outcome) report(outcome.http);
  const error = "error" in outcome ? errorText(outcome.error, outcome.http) : null;
  receiving.delete(answer.id);
  const final = withVersion(reader.finish(outcome.status, error), conversation);
  progress.value = new Map([...progress.peek()].filter(([id]) => id !== answer.id));
  open.saveMessage(final, 0, conversation);
  tabs.live(conversation, final);
}

/** Codes that the page has words for; else the server's own words. */
function errorText(text: string, http: HttpError | null): string {
  if (http?.status === 0) return "connection";
  if (http?.status === 401) return "key";
  if (http?.code === "loading") return "loading";
  if (http?.status === 429 || http?.status === 503) return "busy";
  return text === "" ? "connection" : text;
}

function publish(own: Receiving): void {
  const { reader, conversation } = own;
  progress.value = new Map(progress.peek()).set(reader.message.id, {
    ...reader.progress, silent: performance.now() - own.heard > silence,
  });
  if (conversation === open.header.peek().id) open.showMessage(withVersion(reader.message, conversation));
}

/** The version is the store's business; what the screen knows is the newest. */
function withVersion(m: Message, conversation: string): Message {
  const shown = conversation === open.header.peek().id ? open.messages.peek().get(m.id) : undefined;
  return shown && shown.version > m.version ? { ...m, version: shown.version } : m;
}

// The page goes away in mid-answer: the next page finds its last words.
addEventListener("pagehide", () => {
  for (const { conversation, reader } of receiving.values()) leaveLastWords(conversation, reader.message);
});
