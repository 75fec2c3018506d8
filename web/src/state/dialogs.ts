// Which window lies over the page, if any.
import { signal } from "@preact/signals";

export type Dialog =
  | { name: "settings" | "status" | "shortcuts" | "key" }
  | { name: "feedback"; message: string; rating: "up" | "down" }
  | { name: "confirm"; text: string; action: string; run: () => Promise<void> }
  | { name: "rename"; id: string };

export const dialog = signal<Dialog | null>(null);

export const close = (): void => void (dialog.value = null);
