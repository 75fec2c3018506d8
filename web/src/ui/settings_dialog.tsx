import { useState } from "preact/hooks";
import { chosen, languages, t } from "../i18n/i18n";
import { changeSettings, header } from "../state/conversation";
import { defaults, thoughtsOpen } from "../state/defaults";
import { dialog } from "../state/dialogs";
import * as library from "../state/library";
import { theme, themes } from "../state/theme";
import { DialogFrame } from "./dialog";
import { NumberField, numbers } from "./number_field";

const languageNames = { auto: "", en: "English", ko: "한국어" };

export function SettingsDialog() {
  return (
    <DialogFrame title={t("settings.title")}>
      <ConversationSettings />
      <PageSettings />
    </DialogFrame>
  );
}

function ConversationSettings() {
  const settings = header.value.settings;
  const [kept, setKept] = useState(false);
  const reset = Object.fromEntries(Object.keys(settings).filter((k) => k !== "model").map((k) => [k, undefined]));
  return (
    <fieldset>
      <legend>{t("settings.conversation")}</legend>
      <label class="field">
        <span>{t("settings.system")}</span>
        <textarea rows={4} value={settings.system ?? ""} onChange={(e) => changeSettings({ system: e.currentTarget.value })} />
      </label>
      <div class="grid">
        <label class="field">
          <span>{t("settings.thinking")}</span>
          <select
            value={settings.thinking === undefined ? "auto" : settings.thinking ? "on" : "off"}
            onChange={(e) => changeSettings({ thinking: { auto: undefined, on: true, off: false }[e.currentTarget.value] } as object)}
          >
            <option value="auto">{t("settings.thinking.auto")}</option>
            <option value="on">{t("settings.thinking.on")}</option>
            <option value="off">{t("settings.thinking.off")}</option>
          </select>
        </label>
        {numbers.map((n) => <NumberField key={n.name} field={n} />)}
      </div>
      <label class="field">
        <span>{t("settings.stop")}</span>
        <textarea
          rows={2} value={(settings.stop ?? []).join("\n")}
          onChange={(e) => {
            const lines = e.currentTarget.value.split("\n").filter((l) => l !== "").slice(0, 16);
            changeSettings({ stop: lines.length > 0 ? lines : undefined } as object);
          }}
        />
      </label>
      <p class="note">{t("settings.empty")}</p>
      <div class="row">
        <button type="button" onClick={() => ((defaults.value = { ...settings }), setKept(true))}>
          {kept ? t("settings.saved") : t("settings.default")}
        </button>
        <button type="button" onClick={() => changeSettings(reset)}>{t("settings.reset")}</button>
      </div>
    </fieldset>
  );
}

function PageSettings() {
  const deleteAll = () =>
    (dialog.value = {
      name: "confirm", text: t("conversation.delete.all.ask"), action: t("conversation.delete.all"), run: () => library.remove(null),
    });
  return (
    <fieldset>
      <legend>{t("settings.page")}</legend>
      <div class="grid">
        <label class="field">
          <span>{t("settings.language")}</span>
          <select value={chosen.value} onChange={(e) => (chosen.value = e.currentTarget.value as typeof chosen.value)}>
            <option value="auto">{t("settings.language.auto")}</option>
            {languages.map((l) => <option key={l} value={l} lang={l}>{languageNames[l]}</option>)}
          </select>
        </label>
        <label class="field">
          <span>{t("settings.theme")}</span>
          <select value={theme.value} onChange={(e) => (theme.value = e.currentTarget.value as typeof theme.value)}>
            {themes.map((name) => <option key={name} value={name}>{t(`theme.${name}`)}</option>)}
          </select>
        </label>
      </div>
      <label class="check">
        <input type="checkbox" checked={thoughtsOpen.value} onChange={(e) => (thoughtsOpen.value = e.currentTarget.checked)} />
        <span>{t("settings.thoughts")}</span>
      </label>
      <div class="row">
        <button type="button" onClick={() => (dialog.value = { name: "key" })}>{t("settings.key.change")}</button>
        <button type="button" class="danger" onClick={deleteAll}>{t("conversation.delete.all")}</button>
      </div>
    </fieldset>
  );
}
