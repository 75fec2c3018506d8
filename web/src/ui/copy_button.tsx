import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { announce } from "../state/announce";
import { IconButton } from "./icon_button";

/** The clipboard interface exists only on secure origins; elsewhere the old command does it. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "off-screen";
    const focused = document.activeElement as HTMLElement | null;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus();
  }
  announce(t("message.copied"));
}

export function CopyButton({ text, label }: { text: () => string; label?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <IconButton
      icon={done ? "check" : "copy"} label={done ? t("message.copied") : (label ?? t("message.copy"))}
      onClick={() => void copyText(text()).then(() => setDone(true))}
    />
  );
}
