import { signal } from "@preact/signals";

/** The question that is being edited, or null. */
export const editing = signal<string | null>(null);
