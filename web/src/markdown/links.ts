/** The address if a click on it can only open a page or a mail, else null: no javascript:, data:, file: or own paths. */
export function safeHref(href: string): string | null {
  if (!/^(?:https?:\/\/|mailto:)/i.test(href)) return null;
  try {
    return new URL(href).href;
  } catch {
    return null;
  }
}
