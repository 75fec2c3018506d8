import { describe, expect, it } from "vitest";
import { AnswerError, AnswerReader } from "./answer";
import { message } from "./message";

function reader(start = message("assistant", "q")) {
  let time = 0;
  const r = new AnswerReader(start, () => time);
  return { r, feed: (at: number, chunk: unknown) => ((time = at), r.data(JSON.stringify(chunk))) };
}
const delta = (d: Record<string, unknown>, finish_reason: string | null = null) => ({ choices: [{ delta: d, finish_reason }] });

describe("AnswerReader", () => {
  it("reads prompt progress, thoughts with their time, the answer, usage and timings", () => {
    const { r, feed } = reader();
    feed(0, { choices: [], prompt_progress: { total: 100, cache: 20, processed: 60, time_ms: 50 } });
    expect(r.progress).toMatchObject({ phase: "reading", read: 60, cached: 20, total: 100 });
    feed(100, delta({ role: "assistant", content: "" }));
    feed(100, delta({ reasoning_content: "hm" }));
    feed(2600, delta({ reasoning_content: "…" }));
    expect(r.progress.phase).toBe("thinking");
    feed(3100, delta({ content: "Yes" }));
    feed(3200, delta({ content: ".", reasoning_content: null }, "stop"));
    feed(3300, { choices: [], usage: { prompt_tokens: 100, completion_tokens: 4 }, timings: { predicted_per_second: 7 }, model: "m" });
    r.data("[DONE]");
    expect(r.ended).toBe(true);
    expect(r.finish("complete")).toMatchObject({
      content: "Yes.", reasoning: "hm…", reasoning_ms: 3000, finish_reason: "stop", status: "complete", model: "m",
      usage: { prompt_tokens: 100 }, timings: { predicted_per_second: 7 },
    });
  });

  it("goes on with an answer and adds to its thinking time", () => {
    const { r, feed } = reader({ ...message("assistant", "q"), reasoning: "a", reasoning_ms: 1000 });
    feed(10, delta({ reasoning: "b" }));
    feed(510, delta({ content: "c" }));
    expect(r.message).toMatchObject({ reasoning: "ab", reasoning_ms: 1500, content: "c" });
  });

  it("counts thoughts that never ended", () => {
    const { r, feed } = reader();
    feed(0, delta({ reasoning_content: "a" }));
    feed(700, delta({ reasoning_content: "b" }));
    expect(r.finish("stopped").reasoning_ms).toBe(700);
  });

  it("throws what the server reports, and what is not JSON", () => {
    const { r } = reader();
    expect(() => r.data('{"error":{"message":"out of memory"}}')).toThrow(new AnswerError("out of memory"));
    expect(() => r.data("<html>")).toThrow(AnswerError);
  });
});
