import { t } from "../i18n/i18n";
import type { Key } from "../i18n/messages";
import { asJson, asMarkdown, download, fileName } from "../export/export";
import { newestLeaf } from "../chat/tree";
import { announce } from "../state/announce";
import { report } from "../state/connection";
import * as open from "../state/conversation";
import { dialog } from "../state/dialogs";
import { remove, whole } from "../state/library";
import type { Conversation, Header } from "../store/types";
import { Menu } from "./menu";

/** The open conversation is exported as it is on the screen, which also works without a server. */
async function contents(header: Header): Promise<{ conversation: Conversation; leaf: string | null }> {
  if (header.id === open.header.peek().id) {
    return { conversation: { ...open.header.peek(), messages: [...open.messages.peek().values()] }, leaf: open.leaf.peek() };
  }
  const conversation = await whole(header.id);
  return { conversation, leaf: newestLeaf(new Map(conversation.messages.map((m) => [m.id, m])), conversation.head) };
}

async function save(header: Header, kind: "json" | "md"): Promise<void> {
  try {
    const { conversation, leaf } = await contents(header);
    const names = { you: t("chat.you"), answer: t("chat.answer"), thoughts: t("answer.thoughts") };
    if (kind === "json") download(fileName(conversation.title, "json"), asJson(conversation), "application/json");
    else download(fileName(conversation.title, "md"), asMarkdown(conversation, leaf, names), "text/markdown");
  } catch (e) {
    report(e);
    announce(t("conversation.failed", { why: e instanceof Error ? e.message : String(e) }));
  }
}

export function ConversationMenu({ conversation: c }: { conversation: Header }) {
  const title = c.title || t("side.untitled");
  const items: [Key, () => void][] = [
    ["conversation.rename", () => (dialog.value = { name: "rename", id: c.id })],
    ["conversation.markdown", () => void save(c, "md")],
    ["conversation.json", () => void save(c, "json")],
    ["conversation.delete", () => (dialog.value = {
      name: "confirm", text: t("conversation.delete.ask", { title }), action: t("conversation.delete"), run: () => remove(c.id),
    })],
  ];
  return <Menu label={t("side.actions", { title })} items={items.map(([key, run]) => ({ label: t(key), run }))} />;
}
