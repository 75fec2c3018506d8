// The body of a chat completion: settings and one branch of messages.
import type { Attachment, Message, Settings } from "../store/types";

interface Turn {
  role: "system" | "user" | "assistant";
  content: string;
  reasoning_content?: string;
  prefix?: boolean;
}

/** A file as the model sees it. Quotes in a name would end it early. */
function fileText({ name, text }: Attachment): string {
  return `<file name="${name.replace(/["<>\n]/g, "_")}">\n${text.replace(/\n?$/, "\n")}</file>\n\n`;
}

/** `path` ends with the question, or with the answer to go on with if `more`. Failed answers without text are left out. */
export function turnsOf(path: Message[], system: string | undefined, more: boolean): Turn[] {
  const turns: Turn[] = [];
  if (system !== undefined && system.trim() !== "") turns.push({ role: "system", content: system });
  path.forEach((m, i) => {
    if (m.role === "user") turns.push({ role: "user", content: m.attachments.map(fileText).join("") + m.content });
    else if (more && i === path.length - 1) {
      turns.push({ role: "assistant", content: m.content, ...(m.reasoning !== "" && { reasoning_content: m.reasoning }), prefix: true });
    } else if (m.content !== "") turns.push({ role: "assistant", content: m.content });
  });
  return turns;
}

export function requestBody(path: Message[], settings: Settings, more: boolean): Record<string, unknown> {
  const { system, thinking, ...sampling } = settings;
  return {
    ...sampling,
    messages: turnsOf(path, system, more),
    stream: true,
    stream_options: { include_usage: true },
    return_progress: true,
    timings_per_token: true,
    ...(thinking !== undefined && { thinking: { type: thinking ? "enabled" : "disabled" } }),
    ...(more && { continue_final_message: true, add_generation_prompt: false }),
  };
}
