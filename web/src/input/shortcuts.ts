// Shortcuts by the place of the key (`code`): with a Hangul layout `key` is "ㅏ" where the keycap says K.
import type { Key } from "../i18n/messages";

export type Action =
  | "new" | "search" | "sidebar" | "box" | "previous" | "next" | "regenerate" | "copy" | "settings" | "theme" | "list";

interface Chord {
  code: string;
  mod?: boolean; // Ctrl, or Cmd on a Mac
  alt?: boolean;
  shift?: boolean;
  free?: boolean; // without modifiers: not while typing
  action: Action;
}

const chords: Chord[] = [
  { code: "KeyO", mod: true, shift: true, action: "new" },
  { code: "KeyK", mod: true, action: "search" },
  { code: "KeyB", mod: true, action: "sidebar" },
  { code: "Slash", free: true, action: "box" },
  { code: "ArrowUp", alt: true, action: "previous" },
  { code: "ArrowDown", alt: true, action: "next" },
  { code: "KeyR", alt: true, action: "regenerate" },
  { code: "KeyC", alt: true, action: "copy" },
  { code: "Comma", mod: true, action: "settings" },
  { code: "KeyL", mod: true, shift: true, action: "theme" },
  { code: "Slash", shift: true, free: true, action: "list" },
];

/** What the list shows: keys as they are printed on caps. */
export const shortcutList: [Key, string[]][] = [
  ["keys.send", ["Enter"]],
  ["keys.newline", ["Shift", "Enter"]],
  ["keys.stop", ["Esc"]],
  ["keys.new", ["Ctrl", "Shift", "O"]],
  ["keys.search", ["Ctrl", "K"]],
  ["keys.sidebar", ["Ctrl", "B"]],
  ["keys.box", ["/"]],
  ["keys.messages", ["Alt", "↑ ↓"]],
  ["keys.edit", ["↑"]],
  ["keys.regenerate", ["Alt", "R"]],
  ["keys.copy", ["Alt", "C"]],
  ["keys.settings", ["Ctrl", ","]],
  ["keys.theme", ["Ctrl", "Shift", "L"]],
  ["keys.list", ["?"]],
];

type Pressed = Pick<KeyboardEvent, "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey" | "isComposing">;

/** The action of a key press, or null. `typing`: the focus is in a text field. */
export function actionOf(e: Pressed, typing: boolean): Action | null {
  if (e.isComposing) return null;
  const mod = e.ctrlKey || e.metaKey;
  const chord = chords.find(
    (c) => c.code === e.code && (c.mod ?? false) === mod && (c.alt ?? false) === e.altKey && (c.shift ?? false) === e.shiftKey,
  );
  return chord && !(chord.free && typing) ? chord.action : null;
}
