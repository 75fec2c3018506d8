import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { close } from "../state/dialogs";
import { IconButton } from "./icon_button";

/** A window over the page. The browser keeps the focus inside, closes it on Esc, and gives the focus back. */
export function DialogFrame({ title, children, onClose = close }: { title: string; children: ComponentChildren; onClose?: () => void }) {
  const place = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const element = place.current!;
    const before = document.activeElement as HTMLElement | null;
    element.showModal();
    return () => {
      element.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={place} aria-labelledby={id}
      onCancel={(e) => (e.preventDefault(), onClose())}
      onMouseDown={(e) => e.target === place.current && onClose()}
    >
      <div class="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label={t("common.close")} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
