import { describe, expect, it } from "vitest";
import { message } from "./message";
import { requestBody, turnsOf } from "./request";

const question = { ...message("user", null), content: "Sum it up", attachments: [{ name: 'a"b.txt', encoding: "utf-8", bytes: 3, text: "abc" }] };
const answer = { ...message("assistant", question.id), content: "Half", reasoning: "hm" };

describe("requestBody", () => {
  it("puts files before the text and leaves old reasoning out", () => {
    expect(turnsOf([question, answer, { ...message("user", answer.id), content: "More" }], " be brief ", false)).toEqual([
      { role: "system", content: " be brief " },
      { role: "user", content: '<file name="a_b.txt">\nabc\n</file>\n\nSum it up' },
      { role: "assistant", content: "Half" },
      { role: "user", content: "More" },
    ]);
  });
  it("continues an answer with its thoughts", () => {
    const body = requestBody([question, answer], { temperature: 0, thinking: false }, true);
    expect(body).toMatchObject({
      temperature: 0, stream: true, thinking: { type: "disabled" }, continue_final_message: true, add_generation_prompt: false,
    });
    expect((body["messages"] as unknown[]).at(-1)).toEqual({ role: "assistant", content: "Half", reasoning_content: "hm", prefix: true });
    expect(body).not.toHaveProperty("system");
  });
  it("leaves out an answer that failed before its first word", () => {
    expect(turnsOf([question, { ...message("assistant", question.id), status: "failed" }], undefined, false)).toHaveLength(1);
  });
});
