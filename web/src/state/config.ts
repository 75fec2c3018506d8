import { signal } from "@preact/signals";
import { getJson, HttpError } from "../api/http";

export interface Config {
  name: string;
  version: string;
  storage: "server" | "browser";
  auth: boolean;
  limits: { body_bytes: number; attachment_bytes: number; attachments: number };
}

// What a server that does not know /ui/config gets: any OpenAI-style server can answer, the browser keeps.
const fallback: Config = {
  name: "Dure", version: "", storage: "browser", auth: false,
  limits: { body_bytes: 32 << 20, attachment_bytes: 1 << 20, attachments: 16 },
};

export const config = signal<Config>(fallback);

/** Throws HttpError if the server cannot be reached. */
export async function loadConfig(): Promise<void> {
  try {
    const got = await getJson<Partial<Config>>("/ui/config");
    config.value = { ...fallback, ...got, limits: { ...fallback.limits, ...got.limits } };
  } catch (e) {
    if (e instanceof HttpError && (e.status === 404 || e.status === 405)) config.value = fallback;
    else throw e;
  }
}
