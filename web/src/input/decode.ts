// Files as text. Korean files are UTF-8 or CP949, which the web calls euc-kr; others announce themselves.

export const encodings = ["utf-8", "euc-kr", "utf-16le", "utf-16be", "shift_jis", "gb18030", "windows-1252"] as const;
export type Encoding = (typeof encodings)[number];

function attempt(bytes: Uint8Array, encoding: Encoding): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Text without the control characters that no text file has. */
const plausible = (text: string | null): text is string => text !== null && !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text.slice(0, 100_000));

/** UTF-16 without a mark: Latin text has a zero in every second byte. */
function utf16(bytes: Uint8Array): Encoding | null {
  const n = Math.min(bytes.length & ~1, 4096);
  let even = 0;
  let odd = 0;
  for (let i = 0; i < n; i += 2) {
    if (bytes[i] === 0) even++;
    if (bytes[i + 1] === 0) odd++;
  }
  if (odd > n / 5 && even < n / 50) return "utf-16le";
  if (even > n / 5 && odd < n / 50) return "utf-16be";
  return null;
}

/** The encoding and the text, or null if it is no text. */
export function detect(bytes: Uint8Array): { encoding: Encoding; text: string } | null {
  const candidates: Encoding[] = [];
  if (bytes[0] === 0xff && bytes[1] === 0xfe) candidates.push("utf-16le");
  else if (bytes[0] === 0xfe && bytes[1] === 0xff) candidates.push("utf-16be");
  else {
    const wide = utf16(bytes);
    if (wide) candidates.push(wide);
    candidates.push("utf-8", "euc-kr", "windows-1252");
  }
  for (const encoding of candidates) {
    const text = attempt(bytes, encoding);
    if (plausible(text)) return { encoding, text };
  }
  return null;
}

/** The text in an encoding that the user chose; what does not fit becomes U+FFFD. */
export function decodeAs(bytes: Uint8Array, encoding: Encoding): string {
  return new TextDecoder(encoding).decode(bytes);
}
