// Is the server there? Requests that fail say no; /health, asked more and more slowly, says when it is back.
import { computed, signal } from "@preact/signals";
import { HttpError, request } from "../api/http";
import { keyWanted } from "./key";

export type Connection = "ok" | "lost" | "loading";

export const connection = signal<Connection>("ok");
export const unsaved = signal(0); // writes that the server has not confirmed
export const refusal = signal<string | null>(null); // why it does not take one of them
export const usable = computed(() => connection.value === "ok");

const waits = [1000, 2000, 3000, 5000, 10000]; // ms
let failures = 0;
let timer: ReturnType<typeof setTimeout> | null = null;
const listeners = new Set<() => void>();

/** Called each time the server is back. */
export function whenBack(run: () => void): void {
  listeners.add(run);
}

/** Tells what a failed request means for the connection. */
export function report(e: unknown): void {
  if (!(e instanceof HttpError)) return;
  if (e.status === 401) keyWanted.value = true;
  else if (e.status === 0 || e.status === 502 || e.status === 504) lost("lost");
  else if (e.status === 503 && e.code === "loading") lost("loading");
}

function lost(what: Connection): void {
  connection.value = what;
  if (timer === null) wait();
}

function wait(): void {
  timer = setTimeout(() => void check(), waits[Math.min(failures++, waits.length - 1)]);
}

/** Asks now. */
export async function check(): Promise<void> {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  try {
    await request("/health");
  } catch (e) {
    if (e instanceof HttpError && (e.status === 0 || e.status >= 500)) {
      connection.value = e.status === 503 ? "loading" : "lost";
      wait();
      return;
    }
    // any other answer shows that somebody is there
  }
  failures = 0;
  const before = connection.value;
  connection.value = "ok";
  if (before !== "ok") listeners.forEach((run) => run());
}

addEventListener("online", () => {
  if (connection.value !== "ok") void check();
});
