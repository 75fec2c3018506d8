// Every request of the page goes through here: the key, errors in one shape, a server that is gone.
import { apiKey } from "../state/key";

/** An answer of the server that is not a success. `status` 0: no answer at all. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    readonly body: unknown = null,
    readonly retryAfter: number | null = null, // seconds
  ) {
    super(message);
  }

  /** Worth trying again by itself: no connection, overload, loading, a failing server. */
  get transient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface Request {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The response if it is a success or 304. Paths are relative to the page, so a server below a prefix works. */
export async function request(path: string, { method = "GET", body, headers = {}, signal }: Request = {}): Promise<Response> {
  const all: Record<string, string> = { ...headers };
  if (body !== undefined) all["Content-Type"] = "application/json";
  if (apiKey.value !== "") all["Authorization"] = `Bearer ${apiKey.value}`;
  let response: Response;
  try {
    response = await fetch(path.replace(/^\//, "./"), {
      method, headers: all, cache: "no-store", credentials: "same-origin",
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new HttpError(0, e instanceof Error ? e.message : String(e));
  }
  if (response.ok || response.status === 304) return response;
  throw await failure(response);
}

export async function getJson<T>(path: string, options?: Request): Promise<T> {
  const response = await request(path, options);
  try {
    return (await response.json()) as T;
  } catch (e) {
    if (options?.signal?.aborted) throw e;
    throw new HttpError(0, `${path}: the answer is not JSON`);
  }
}

async function failure(response: Response): Promise<HttpError> {
  const text = await response.text().catch(() => "");
  const body = parse(text);
  const error = body?.error;
  const message = typeof error === "string" ? error : (error?.message ?? `HTTP ${response.status}`);
  const code = typeof error === "object" ? (error?.code ?? null) : null;
  const retry = Number(response.headers.get("Retry-After") ?? NaN);
  return new HttpError(response.status, message, code, body, Number.isFinite(retry) ? retry : null);
}

type ErrorBody = { error?: { message?: string; code?: string } | string } | null;

function parse(text: string): ErrorBody {
  try {
    return JSON.parse(text) as ErrorBody;
  } catch {
    return null; // a proxy's page; the status has to do
  }
}
