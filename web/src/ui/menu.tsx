import { useEffect, useRef, useState } from "preact/hooks";
import { IconButton } from "./icon_button";

export interface Item {
  label: string;
  run: () => void;
}

/** A button that opens a list of actions: arrows move, Enter chooses, Esc and Tab close. */
export function Menu({ label, items }: { label: string; items: Item[] }) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const buttons = () => [...place.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const leave = () => {
    setOpen(false);
    place.current?.querySelector<HTMLElement>("button")?.focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    buttons()[0]?.focus();
    const outside = (e: Event) => !place.current?.contains(e.target as Node) && setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const onKey = (e: KeyboardEvent) => {
    if (!open) return;
    const all = buttons();
    const here = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[e.key];
    if (to !== undefined) all[(to + all.length) % all.length]?.focus();
    else if (e.key === "Escape") leave();
    else if (e.key === "Tab") setOpen(false);
    if (to !== undefined || e.key === "Escape") (e.preventDefault(), e.stopPropagation());
  };
  return (
    <div class="menu" ref={place} onKeyDown={onKey}>
      <IconButton icon="more" label={label} onClick={() => setOpen(!open)} />
      {open && (
        <div role="menu" aria-label={label}>
          {items.map((item) => (
            <button key={item.label} type="button" role="menuitem" tabIndex={-1} onClick={() => (leave(), item.run())}>{item.label}</button>
          ))}
        </div>
      )}
    </div>
  );
}
