// A signal whose value stays in localStorage, and follows changes made in other tabs.
import { effect, signal, type Signal } from "@preact/signals";

export function kept<T>(name: string, initial: T, valid: (value: unknown) => value is T): Signal<T> {
  const key = `dure.${name}`;
  const parse = (text: string | null): T => {
    if (text === null) return initial;
    try {
      const value: unknown = JSON.parse(text);
      return valid(value) ? value : initial;
    } catch {
      return initial;
    }
  };
  const state = signal<T>(parse(read(key)));
  let first = true;
  effect(() => {
    const text = JSON.stringify(state.value);
    if (!first) write(key, text);
    first = false;
  });
  addEventListener("storage", (e) => {
    if (e.key === key) state.value = parse(e.newValue);
  });
  return state;
}

export const isString = (v: unknown): v is string => typeof v === "string";
export const isBoolean = (v: unknown): v is boolean => typeof v === "boolean";
export const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
export const oneOf = <T extends string>(...names: readonly T[]) => (v: unknown): v is T => names.includes(v as T);

/** Leaves no trace of a value that is its initial one. */
export function forget(name: string): void {
  try {
    localStorage.removeItem(`dure.${name}`);
  } catch {
    // see below
  }
}

// Storage may be blocked by the browser's settings; then nothing is kept, and all else works.
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // see above
  }
}
