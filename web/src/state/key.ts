import { computed, signal } from "@preact/signals";
import { isString, kept } from "./kept";

const remembered = kept("key", "", isString);
const session = signal("");

/** What goes into the Authorization header; empty without a key. */
export const apiKey = computed(() => session.value || remembered.value);

/** True after the server refused a request for want of a (right) key. */
export const keyWanted = signal(false);

export function setKey(key: string, remember: boolean): void {
  session.value = key.trim();
  remembered.value = remember ? key.trim() : "";
  keyWanted.value = false;
}
