// Answers that a test can order by words of the question: think, slow, long prompt, markdown, error before, error inside,
// cut, length. Everything else is answered with what was said.
import { ApiError } from "./http.mjs";
import { sample } from "./sample.mjs";

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const words = (n, from = 1) => Array.from({ length: n }, (_, i) => `word${from + i} `);

function plan(question) {
  const has = (w) => question.toLowerCase().includes(w);
  const pause = has("slow") ? 60 : 3;
  let text = [`You said: `, ...question.match(/\s*\S+/gu) ?? [], ". 두레가 답합니다."];
  if (has("slow")) text = words(1000);
  if (has("markdown")) text = sample.match(/[\s\S]{1,7}/gu);
  return {
    text, pause, thoughts: has("think") ? ["Let me ", "see… ", "the user ", "asks for ", "a thought."] : [],
    prompt: has("long prompt") ? 2000 : 40, before: has("error before"), inside: has("error inside"), cut: has("cut"), length: has("length"),
  };
}

export async function complete(body, req, res, state) {
  const turns = body.messages;
  if (!Array.isArray(turns) || turns.length === 0) throw Object.assign(new ApiError(400, "invalid_field", "messages: expected a list"), { param: "messages" });
  const last = turns.at(-1);
  const question = turns.findLast((t) => t.role === "user")?.content ?? "";
  state.log.push(body);
  const p = plan(question);
  if (p.before) throw new ApiError(500, "server_error", "the mock was asked to fail", "server_error");
  if (last.prefix) p.text = question.toLowerCase().includes("slow") ? words(20, last.content.split(" ").length) : ["and so ", "it goes on."];

  res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no" });
  let closed = false;
  res.on("close", () => (closed = true));
  state.active = (state.active ?? 0) + 1;
  const id = `chatcmpl-${Math.random().toString(36).slice(2)}`;
  const send = (data) => res.write(`data: ${JSON.stringify({ id, object: "chat.completion.chunk", created: 0, model: body.model ?? "mock-small", ...data })}\n\n`);
  const delta = (d, finish_reason = null) => send({ choices: [{ index: 0, delta: d, logprobs: null, finish_reason }] });
  const started = Date.now();
  for (let done = 0; done < p.prompt && !closed; done += 200) {
    send({ choices: [], prompt_progress: { total: p.prompt, cache: 0, processed: done, time_ms: Date.now() - started } });
    res.write(": keep-alive\n\n");
    await sleep(p.prompt > 1000 ? 60 : 1);
  }
  delta({ role: "assistant", content: "" });
  for (const piece of last.prefix && last.content !== "" ? [] : p.thoughts) {
    if (closed) break;
    delta({ reasoning_content: piece });
    await sleep(30);
  }
  let count = p.thoughts.length;
  for (const piece of p.text) {
    if (closed) break;
    if (p.inside && count > 1) return void (send({ error: { message: "out of memory", type: "server_error", param: null, code: null } }), res.end());
    if (p.cut && count > 1) return void setTimeout(() => res.destroy(), 100);
    delta({ content: piece });
    count++;
    await sleep(p.pause);
  }
  state.active--;
  if (closed) return void (state.cancelled = (state.cancelled ?? 0) + 1);
  state.finished = (state.finished ?? 0) + 1;
  delta({}, p.length ? "length" : "stop");
  const ms = Math.max(1, Date.now() - started);
  send({
    choices: [], usage: { prompt_tokens: p.prompt, completion_tokens: count, total_tokens: p.prompt + count, prompt_tokens_details: { cached_tokens: 8 } },
    timings: { cache_n: 8, prompt_n: p.prompt - 8, prompt_ms: 20, prompt_per_second: 410, predicted_n: count, predicted_ms: ms, predicted_per_second: (count * 1000) / ms },
  });
  res.end("data: [DONE]\n\n");
}
