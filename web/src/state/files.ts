// Files that go with the next message.
import { signal } from "@preact/signals";
import { bytes, t } from "../i18n/i18n";
import { decodeAs, detect, type Encoding } from "../input/decode";
import type { Attachment } from "../store/types";
import { config } from "./config";

export interface Chosen extends Attachment {
  raw: Uint8Array; // to read it again in another encoding
}

export const files = signal<Chosen[]>([]);
export const fileError = signal<string | null>(null);

/** Adds what is text and small enough; returns why a file was not taken, in words, or null. */
export async function addFiles(list: File[]): Promise<string | null> {
  const { attachment_bytes, attachments } = config.peek().limits;
  let why: string | null = null;
  for (const file of list) {
    const name = file.name.normalize("NFC"); // macOS gives Hangul names in pieces
    if (files.peek().length >= attachments) why = t("file.many", { count: attachments });
    else if (file.size > attachment_bytes) why = t("file.large", { name, limit: bytes(attachment_bytes) });
    else {
      const raw = await file.arrayBuffer().then((b) => new Uint8Array(b), () => null);
      const found = raw && detect(raw);
      if (!raw) why = t("file.unreadable", { name });
      else if (!found) why = t("file.binary", { name });
      else files.value = [...files.peek(), { name, bytes: raw.length, encoding: found.encoding, text: found.text, raw }];
    }
  }
  fileError.value = why;
  return why;
}

export function removeFile(index: number): void {
  files.value = files.peek().filter((_, i) => i !== index);
}

export function changeEncoding(index: number, encoding: Encoding): void {
  files.value = files.peek().map((f, i) => (i === index ? { ...f, encoding, text: decodeAs(f.raw, encoding) } : f));
}
