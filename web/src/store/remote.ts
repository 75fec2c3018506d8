// Conversations on the server: API.md.
import { getJson, HttpError, request } from "../api/http";
import { Conflict, type Store } from "./store";
import type { Conversation, Feedback, Header, Message, Page } from "./types";

const at = (...ids: string[]) => ids.map(encodeURIComponent).join("/messages/");
const precondition = (version: number): Record<string, string> =>
  version === 0 ? { "If-None-Match": "*" } : { "If-Match": `"${version}"` };

async function put<T>(path: string, version: number, body: unknown): Promise<T> {
  try {
    return await getJson<T>(path, { method: "PUT", headers: precondition(version), body });
  } catch (e) {
    if (e instanceof HttpError && e.status === 412) throw new Conflict((e.body as { current: T }).current);
    throw e;
  }
}

export const remote: Store = {
  list(query, cursor, signal) {
    const parameters = new URLSearchParams({ limit: "50" });
    if (query !== "") parameters.set("q", query);
    if (cursor !== null) parameters.set("cursor", cursor);
    return getJson<Page>(`/ui/conversations?${parameters}`, signal ? { signal } : {});
  },

  async get(id) {
    try {
      return await getJson<Conversation>(`/ui/conversations/${at(id)}`);
    } catch (e) {
      if (e instanceof HttpError && e.status === 404) return null;
      throw e;
    }
  },

  putHeader({ id, title, settings, head, created_at, version }) {
    return put<Header>(`/ui/conversations/${at(id)}`, version, { title, settings, head, created_at });
  },

  putMessage(conversation, message) {
    const { id: _id, version, feedback: _feedback, ...body } = message;
    return put<Message>(`/ui/conversations/${at(conversation, message.id)}`, version, body);
  },

  async putFeedback(conversation: string, message: string, feedback: Feedback | null) {
    const path = `/ui/conversations/${at(conversation, message)}/feedback`;
    await request(path, feedback ? { method: "PUT", body: feedback } : { method: "DELETE" });
  },

  async deleteMessage(conversation, message) {
    await request(`/ui/conversations/${at(conversation, message)}`, { method: "DELETE" });
  },

  async deleteConversation(id) {
    await request(`/ui/conversations/${at(id)}`, { method: "DELETE" });
  },

  async deleteAll() {
    await request("/ui/conversations", { method: "DELETE" });
  },
};
