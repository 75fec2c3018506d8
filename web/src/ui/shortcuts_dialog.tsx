import { t } from "../i18n/i18n";
import { shortcutList } from "../input/shortcuts";
import { DialogFrame } from "./dialog";

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const cap = (name: string): string => (mac ? ({ Ctrl: "⌘", Alt: "⌥", Shift: "⇧" }[name] ?? name) : name);

export function ShortcutsDialog() {
  return (
    <DialogFrame title={t("keys.title")}>
      <dl class="keys">
        {shortcutList.map(([key, caps]) => (
          <div key={key}>
            <dt>{t(key)}</dt>
            <dd>{caps.map((c) => <kbd key={c}>{cap(c)}</kbd>)}</dd>
          </div>
        ))}
      </dl>
    </DialogFrame>
  );
}
