// One streamed chat completion.
import { HttpError, request } from "../api/http";
import { readSse } from "../api/sse";
import { AnswerError, type AnswerReader } from "./answer";

/** How it ended. `error` has the server's or the browser's words. */
export type Outcome = { status: "complete" | "stopped" } | { status: "interrupted" | "failed"; error: string; http: HttpError | null };

/** Feeds `reader` until the stream ends, calling `changed` after each piece (a keep-alive too). Never throws. */
export async function stream(
  body: Record<string, unknown>, reader: AnswerReader, signal: AbortSignal, changed: () => void,
): Promise<Outcome> {
  const before = reader.message;
  const broken = (error: string, http: HttpError | null): Outcome => {
    const grew = reader.message.content !== before.content || reader.message.reasoning !== before.reasoning;
    const had = before.content !== "" || before.reasoning !== "";
    return { status: grew || had ? "interrupted" : "failed", error, http };
  };
  try {
    const response = await request("/v1/chat/completions", { method: "POST", body, signal });
    if (!response.body) return broken("", null);
    for await (const item of readSse(response.body)) {
      if ("data" in item) reader.data(item.data);
      changed();
    }
    if (signal.aborted) return { status: "stopped" };
    return reader.ended ? { status: "complete" } : broken("", new HttpError(0, ""));
  } catch (e) {
    if (signal.aborted) return { status: "stopped" };
    if (e instanceof HttpError) return broken(e.message, e);
    if (e instanceof AnswerError) return broken(e.message, null);
    if (reader.ended) return { status: "complete" }; // all was said before the connection broke
    return broken("", new HttpError(0, String(e)));
  }
}
