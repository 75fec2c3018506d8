// A conversation as a file: JSON with everything, Markdown with the branch on the screen.
import { pathTo } from "../chat/tree";
import type { Conversation } from "../store/types";

export function asJson(conversation: Conversation): string {
  return JSON.stringify({ format: "dure-conversation", format_version: 1, ...conversation }, null, 2) + "\n";
}

/** A fence longer than any in the text. */
function fence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((m) => m[0].length));
  return "`".repeat(longest + 1);
}

const quote = (text: string): string => text.split("\n").map((l) => `> ${l}`.trimEnd()).join("\n");

export function asMarkdown(conversation: Conversation, leaf: string | null, names: { you: string; answer: string; thoughts: string }): string {
  const out = [`# ${conversation.title.replace(/\s+/g, " ")}`];
  if (conversation.settings.system) out.push(quote(conversation.settings.system));
  for (const m of pathTo(new Map(conversation.messages.map((x) => [x.id, x])), leaf)) {
    out.push(`## ${m.role === "user" ? names.you : names.answer}${m.model ? ` (${m.model})` : ""}`);
    for (const { name, text } of m.attachments) out.push(`${name}:\n\n${fence(text)}\n${text.replace(/\n?$/, "\n")}${fence(text)}`);
    if (m.reasoning !== "") out.push(quote(`${names.thoughts}:\n\n${m.reasoning}`));
    if (m.content !== "") out.push(m.content);
  }
  return out.join("\n\n") + "\n";
}

/** A file name that every system takes. */
export function fileName(title: string, extension: string): string {
  const name = Array.from(title.replace(/[\\/:*?"<>|\x00-\x1f\s]+/g, " ").trim()).slice(0, 60).join("").replace(/[. ]+$/, "");
  return `${name === "" ? "dure" : name}.${extension}`;
}

export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
