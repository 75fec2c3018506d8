import { describe, expect, it } from "vitest";
import { message } from "../chat/message";
import type { Conversation } from "../store/types";
import { asJson, asMarkdown, fileName } from "./export";

const q = { ...message("user", null), id: "q", content: "왜?", attachments: [{ name: "a.md", encoding: "utf-8", bytes: 9, text: "```\nx\n```" }] };
const a = { ...message("assistant", "q"), id: "a", content: "**Because**", reasoning: "hm\nso", model: "m" };
const b = { ...message("assistant", "q"), id: "b", content: "other branch" };
const conversation: Conversation = {
  id: "c", title: "Why\n?", settings: { system: "be brief" }, head: "a", created_at: 0, updated_at: 0, version: 1, revision: 1, messages: [q, a, b],
};

describe("export", () => {
  it("writes one branch as Markdown, with fences that hold", () => {
    expect(asMarkdown(conversation, "a", { you: "You", answer: "Answer", thoughts: "Thoughts" })).toBe(
      "# Why ?\n\n> be brief\n\n## You\n\na.md:\n\n````\n```\nx\n```\n````\n\n왜?\n\n## Answer (m)\n\n> Thoughts:\n>\n> hm\n> so\n\n**Because**\n",
    );
  });
  it("writes everything as JSON", () => {
    expect(JSON.parse(asJson(conversation))).toMatchObject({ format: "dure-conversation", title: "Why\n?", messages: [{ id: "q" }, { id: "a" }, { id: "b" }] });
  });
  it("makes safe file names", () => {
    expect(fileName("한글: a/b?", "md")).toBe("한글 a b.md");
    expect(fileName("..", "json")).toBe("dure.json");
  });
});
