import { computed, effect } from "@preact/signals";
import { kept, oneOf } from "../state/kept";
import { messages, type Key } from "./messages";

export const languages = ["en", "ko"] as const;
export type Language = (typeof languages)[number];

/** auto: Korean if the browser prefers it, else English. */
export const chosen = kept<Language | "auto">("language", "auto", oneOf("auto", ...languages));

export const language = computed<Language>(() => {
  if (chosen.value !== "auto") return chosen.value;
  const first = navigator.languages.find((l) => /^(en|ko)\b/i.test(l));
  return first?.toLowerCase().startsWith("ko") ? "ko" : "en";
});

effect(() => {
  document.documentElement.lang = language.value;
});

/** The text of `key` in the page's language; numbers are written in its way. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text: string = messages[key][language.value === "ko" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : value;
  });
}

export const number = (value: number, digits = 0): string =>
  value.toLocaleString(language.value, { maximumFractionDigits: digits });

/** 4.2 s, 1 min 3 s, 2 h 5 min */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return t("time.seconds", { s: seconds.toFixed(1) });
  if (seconds < 60) return t("time.seconds", { s: Math.round(seconds) });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t("time.minutes", { m: minutes, s: Math.floor(seconds % 60) });
  return t("time.hours", { h: Math.floor(minutes / 60), m: minutes % 60 });
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let scaled = value / 1024;
  let unit = 0;
  while (scaled >= 1024 && unit < units.length - 1) (scaled /= 1024, unit++);
  return `${number(scaled, scaled < 10 ? 1 : 0)} ${units[unit]}`;
}
