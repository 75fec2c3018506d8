import { effect } from "@preact/signals";
import { kept, oneOf } from "./kept";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** auto follows the system; styles/colours.css knows the rest. */
export const theme = kept<Theme>("theme", "auto", oneOf(...themes));

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length]!;
}
