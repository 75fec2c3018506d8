import { t } from "../i18n/i18n";
import { changeSettings, header } from "../state/conversation";

/** The sampling settings that are numbers, with what the server takes. */
export const numbers = [
  { name: "temperature", min: 0, max: 2, step: 0.05 },
  { name: "top_p", min: 0, max: 1, step: 0.01 },
  { name: "top_k", min: 0, max: 1000, step: 1 },
  { name: "min_p", min: 0, max: 1, step: 0.01 },
  { name: "repetition_penalty", min: 0, max: 2, step: 0.05 },
  { name: "presence_penalty", min: -2, max: 2, step: 0.1 },
  { name: "frequency_penalty", min: -2, max: 2, step: 0.1 },
  { name: "max_tokens", min: 1, max: 1_000_000, step: 1 },
  { name: "seed", min: 0, max: Number.MAX_SAFE_INTEGER, step: 1 },
] as const;

export function NumberField({ field: { name, min, max, step } }: { field: (typeof numbers)[number] }) {
  const change = (text: string) => {
    const value = text.trim() === "" ? undefined : Number(text);
    if (value !== undefined && !Number.isFinite(value)) return;
    const inside = value === undefined ? undefined : Math.min(max, Math.max(min, step === 1 ? Math.round(value) : value));
    changeSettings({ [name]: inside });
  };
  return (
    <label class="field">
      <span>{t(`settings.${name}`)}</span>
      <input
        type="number" min={min} max={max} step={step} inputMode="decimal"
        value={header.value.settings[name] ?? ""} onChange={(e) => change(e.currentTarget.value)}
      />
    </label>
  );
}
