import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { ImeGate } from "../input/ime";

interface Props {
  id: string;
  label: string;
  value: string;
  stamp?: number; // changes when the value was set by somebody else than the writer
  placeholder?: string;
  describedBy?: string;
  onValue: (text: string) => void;
  onSend: (text: string) => boolean; // true: taken, the field empties
  onEmptyUp?: () => void; // arrow up in an empty field
  onFiles?: (files: File[]) => void; // pasted
}

const touch = (): boolean => matchMedia("(pointer: coarse)").matches;

/** A text field that grows, and that Enter sends; what an input method composes is committed first and sent once. */
export function SendField({ id, label, value, stamp, placeholder, describedBy, onValue, onSend, onEmptyUp, onFiles }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const send = useRef<() => void>(() => undefined);
  send.current = () => {
    // emptied at once: the next render may not see that the value ever changed
    if (onSend(field.current!.value) && field.current) field.current.value = "";
  };
  const ime = useMemo(() => new ImeGate(() => send.current()), []);
  // The field is not rewritten with what was typed: a render behind the writer would lose a letter, or the syllable that is
  // being composed.
  useLayoutEffect(() => {
    if (field.current!.value !== value && !ime.busy) field.current!.value = value;
  }, [stamp]);
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === "ArrowUp" && field.current!.value === "" && onEmptyUp && !e.isComposing && !e.altKey) {
      e.preventDefault();
      return onEmptyUp();
    }
    const enter = e.key === "Enter" || e.code === "Enter" || e.code === "NumpadEnter";
    if (!enter || e.shiftKey || e.altKey) return;
    if (touch() && !e.ctrlKey && !e.metaKey) return; // on a phone Enter starts a line, the button sends
    const decision = ime.enter(e);
    if (decision !== "send") return;
    e.preventDefault();
    if (!e.repeat) send.current();
  };
  const onBeforeInput = (e: InputEvent) => {
    if (ime.pending && (e.inputType === "insertLineBreak" || e.inputType === "insertParagraph")) e.preventDefault();
  };
  const onPaste = (e: ClipboardEvent) => {
    const files = [...(e.clipboardData?.files ?? [])];
    if (files.length === 0 || !onFiles) return;
    e.preventDefault();
    onFiles(files);
  };
  return (
    <div class="send-field" data-value={value}>
      <textarea
        ref={field} id={id} rows={1} aria-label={label} placeholder={placeholder} aria-describedby={describedBy}
        enterkeyhint="enter" autocomplete="off" dir="auto" defaultValue={value}
        onInput={(e) => onValue(e.currentTarget.value)} onKeyDown={onKeyDown} onBeforeInput={onBeforeInput} onPaste={onPaste}
        onCompositionStart={() => ime.start()}
        onCompositionUpdate={(e) => ime.update(e.data)}
        onCompositionEnd={(e) => ime.end(e.data)}
      />
    </div>
  );
}
