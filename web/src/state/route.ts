// Which conversation the address names: #/c/ID, or none for a new one.
import { signal } from "@preact/signals";

const parse = (): string | null => /^#\/c\/([A-Za-z0-9_-]{1,64})$/.exec(location.hash)?.[1] ?? null;

export const route = signal<string | null>(parse());

addEventListener("hashchange", () => (route.value = parse()));

/** `replace`: a new conversation got its id; going back should not lead to the empty page. */
export function go(id: string | null, replace = false): void {
  const url = id === null ? location.pathname + location.search : `#/c/${id}`;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  route.value = id;
}

addEventListener("popstate", () => (route.value = parse()));
