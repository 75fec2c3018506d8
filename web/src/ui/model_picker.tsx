import { t } from "../i18n/i18n";
import { changeSettings, header } from "../state/conversation";
import { models } from "../state/models";

export function ModelPicker() {
  const names = models.value.map((m) => m.id);
  const chosen = header.value.settings.model;
  if (chosen !== undefined && !names.includes(chosen)) names.push(chosen); // of another day: shown, and refused by the server
  return (
    <select
      class="model" aria-label={t("chat.model")} title={t("chat.model")} value={chosen ?? names[0] ?? ""}
      disabled={names.length === 0} onChange={(e) => changeSettings({ model: e.currentTarget.value })}
    >
      {names.length === 0 && <option value="">{t("chat.model.none")}</option>}
      {names.map((name) => <option key={name} value={name}>{name}</option>)}
    </select>
  );
}
