// Conversations in this browser's IndexedDB, with the versions and conflicts that the server would have.
import { matches, snippet } from "./search";
import { result, transact } from "./idb";
import { Conflict, type Store } from "./store";
import type { Header, Message, Summary } from "./types";

type Row = Message & { conversation: string };

const rowsOf = (id: string) => IDBKeyRange.bound([id], [id, []]);

const messagesOf = (t: IDBTransaction, id: string) =>
  result(t.objectStore("messages").getAll(rowsOf(id)) as IDBRequest<Row[]>);

async function touch(t: IDBTransaction, id: string): Promise<void> {
  const header = await result(t.objectStore("headers").get(id) as IDBRequest<Header | undefined>);
  if (header) t.objectStore("headers").put({ ...header, updated_at: Date.now(), revision: header.revision + 1 });
}

function unpack({ conversation: _, ...message }: Row): Message {
  return message;
}

export const local: Store = {
  list(query) {
    return transact(["headers", "messages"], "readonly", async (t) => {
      const headers = await result(t.objectStore("headers").getAll() as IDBRequest<Header[]>);
      const data: Summary[] = [];
      for (const header of headers) {
        const rows = await messagesOf(t, header.id);
        const texts = rows.map((m) => m.content);
        if (!matches(query, [header.title, ...texts])) continue;
        data.push({ ...header, messages: rows.length, snippet: snippet(query, texts) });
      }
      data.sort((a, b) => b.updated_at - a.updated_at || (a.id < b.id ? -1 : 1));
      return { data, next_cursor: null };
    });
  },

  get(id) {
    return transact(["headers", "messages"], "readonly", async (t) => {
      const header = await result(t.objectStore("headers").get(id) as IDBRequest<Header | undefined>);
      return header ? { ...header, messages: (await messagesOf(t, id)).map(unpack) } : null;
    });
  },

  putHeader(header) {
    return transact(["headers"], "readwrite", async (t) => {
      const headers = t.objectStore("headers");
      const current = await result(headers.get(header.id) as IDBRequest<Header | undefined>);
      if (current && current.version !== header.version) throw new Conflict(current);
      const stored: Header = {
        ...header, updated_at: Date.now(),
        version: (current?.version ?? 0) + 1, revision: (current?.revision ?? 0) + 1,
      };
      headers.put(stored);
      return stored;
    });
  },

  putMessage(conversation, message) {
    return transact(["headers", "messages"], "readwrite", async (t) => {
      const messages = t.objectStore("messages");
      const current = await result(messages.get([conversation, message.id]) as IDBRequest<Row | undefined>);
      if (current && current.version !== message.version) throw new Conflict(unpack(current));
      const stored = { ...message, version: (current?.version ?? 0) + 1, feedback: current?.feedback ?? null };
      messages.put({ ...stored, conversation });
      await touch(t, conversation);
      return stored;
    });
  },

  putFeedback(conversation, id, feedback) {
    return transact(["headers", "messages"], "readwrite", async (t) => {
      const messages = t.objectStore("messages");
      const row = await result(messages.get([conversation, id]) as IDBRequest<Row | undefined>);
      if (row) messages.put({ ...row, feedback });
      await touch(t, conversation);
    });
  },

  deleteMessage(conversation, id) {
    return transact(["headers", "messages"], "readwrite", async (t) => {
      const gone = new Set([id]);
      const rows = await messagesOf(t, conversation);
      for (const g of gone) for (const m of rows) if (m.parent === g) gone.add(m.id); // a Set visits what is added
      for (const g of gone) t.objectStore("messages").delete([conversation, g]);
      await touch(t, conversation);
    });
  },

  deleteConversation(id) {
    return transact(["headers", "messages"], "readwrite", async (t) => {
      t.objectStore("headers").delete(id);
      t.objectStore("messages").delete(rowsOf(id));
    });
  },

  deleteAll() {
    return transact(["headers", "messages"], "readwrite", async (t) => {
      t.objectStore("headers").clear();
      t.objectStore("messages").clear();
    });
  },
};
