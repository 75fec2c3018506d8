// @vitest-environment node
// API.md's rules for versions, errors and the tree, on the mock; DURE_URL runs them on a real server (DURE_KEY: its key).
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMock } from "./server.mjs";

let mock;
let base = process.env.DURE_URL;

beforeAll(async () => {
  if (!base) base = `http://127.0.0.1:${(mock = await createMock()).port}/`;
});
afterAll(() => mock?.close());

async function call(method, path, body, headers = {}) {
  const key = process.env.DURE_KEY ? { Authorization: `Bearer ${process.env.DURE_KEY}` } : {};
  const response = await fetch(new URL(path, base), {
    method, headers: { "Content-Type": "application/json", ...key, ...headers }, body: typeof body === "object" ? JSON.stringify(body) : body,
  });
  const text = await response.text();
  return { status: response.status, etag: response.headers.get("etag"), body: text === "" ? null : JSON.parse(text) };
}

const create = { "If-None-Match": "*" };
const replace = (version) => ({ "If-Match": `"${version}"` });
const fresh = () => Math.random().toString(36).slice(2);
const header = { title: "A title", settings: { temperature: 0.5 }, head: null, created_at: 1000 };
const message = (parent, role = "user", content = "Hello") => ({
  parent, role, content, reasoning: "", reasoning_ms: null, attachments: [], status: "complete", error: null, finish_reason: null,
  model: null, params: null, usage: null, timings: null, created_at: 1000,
});

async function conversation() {
  const id = fresh();
  await call("PUT", `ui/conversations/${id}`, header, create);
  const at = `ui/conversations/${id}`;
  const put = (m, body, condition = create) => call("PUT", `${at}/messages/${m}`, body, condition);
  return { id, at, put };
}

describe("conversations", () => {
  it("are created, read, replaced by version, and deleted", async () => {
    const { id, at } = await conversation();
    const got = await call("GET", at);
    expect(got.body).toMatchObject({ id, ...header, version: 1, messages: [] });
    expect((await call("GET", at, undefined, { "If-None-Match": got.etag })).status).toBe(304);
    expect(await call("PUT", at, { ...header, title: "B" }, replace(1))).toMatchObject({ status: 200, etag: '"2"', body: { title: "B", version: 2 } });
    const late = await call("PUT", at, { ...header, title: "C" }, replace(1));
    expect(late).toMatchObject({ status: 412, body: { error: { code: "version_conflict" }, current: { title: "B", version: 2 } } });
    expect(await call("PUT", at, { ...header, title: "B" }, replace(1))).toMatchObject({ status: 200, body: { version: 2 } }); // repeated
    expect((await call("DELETE", at)).status).toBe(204);
    expect((await call("DELETE", at)).status).toBe(204);
    expect((await call("GET", at)).status).toBe(404);
    expect((await call("PUT", at, header, replace(2))).status).toBe(404);
    expect((await call("PUT", at, header, create)).status).toBe(201);
  });

  it("refuse what is wrong, and say why", async () => {
    const at = `ui/conversations/${fresh()}`;
    const cases = [
      [await call("PUT", at, header), 428, "precondition_required"],
      [await call("PUT", at, "{", create), 400, "invalid_json"],
      [await call("PUT", at, { ...header, title: 3 }, create), 400, "invalid_field"],
      [await call("PUT", at, { ...header, title: "x".repeat(201) }, create), 400, "invalid_field"],
      [await call("PUT", at, { ...header, created_at: -1 }, create), 400, "invalid_field"],
      [await call("PUT", "ui/conversations/a.b", header, create), 400, "invalid_field"],
      [await call("POST", at, header), 405, "method_not_allowed"],
      [await call("GET", "ui/conversations?limit=0"), 400, "invalid_field"],
      [await call("GET", "ui/conversations?cursor=nonsense"), 400, "wrong_cursor"],
      [await call("GET", `${at}/nothing/here`), 404, "not_found"],
    ];
    for (const [got, status, code] of cases) expect([got.status, got.body.error.code]).toEqual([status, code]);
    expect(Object.keys(cases[2][0].body.error).sort()).toEqual(["code", "message", "param", "type"]);
    expect(cases[2][0].body.error.param).toBe("title");
    expect((await call("GET", "ui/conversations", undefined, { Origin: "http://evil.example" })).status).toBe(403);
  });

  it("are listed newest first, by pages, and found by words", async () => {
    const ids = [];
    const word = `낱말${fresh()}`;
    for (let i = 0; i < 3; i++) {
      const { id, put } = await conversation();
      await put("m", message(null, "user", `검색엔진을 만든다 ${word}`));
      ids.unshift(id);
      await new Promise((r) => setTimeout(r, 3));
    }
    const first = (await call("GET", `ui/conversations?q=${encodeURIComponent(`엔진 ${word.toUpperCase()}`)}&limit=2`)).body;
    expect(first.data.map((c) => c.id)).toEqual(ids.slice(0, 2));
    expect(first.data[0]).toMatchObject({ messages: 1, snippet: expect.stringContaining("검색엔진을") });
    const second = (await call("GET", `ui/conversations?q=${encodeURIComponent(word)}&limit=2&cursor=${encodeURIComponent(first.next_cursor)}`)).body;
    expect(second).toMatchObject({ data: [{ id: ids[2] }], next_cursor: null });
  });
});

describe("messages", () => {
  it("form a tree whose branches are deleted as a whole", async () => {
    const { at, put } = await conversation();
    expect((await put("a", message(null))).status).toBe(201);
    expect((await put("b", message("a", "assistant"))).body).toMatchObject({ id: "b", parent: "a", version: 1, feedback: null });
    await put("c", message("b"));
    await put("d", message("a", "assistant"));
    expect((await put("e", message("nowhere"))).body.error.code).toBe("unknown_parent");
    expect((await put("b", message(null, "assistant"), replace(1))).body.error.code).toBe("invalid_field");
    expect((await call("DELETE", `${at}/messages/b`)).status).toBe(204);
    expect((await call("GET", at)).body.messages.map((m) => m.id)).toEqual(["a", "d"]);
  });

  it("have versions of their own; a write raises only the revision of the conversation", async () => {
    const { at, put } = await conversation();
    await put("a", message(null));
    await put("b", { ...message("a", "assistant", "He"), status: "streaming" });
    const longer = { ...message("a", "assistant", "Hello"), status: "streaming" };
    expect(await put("b", longer, replace(1))).toMatchObject({ status: 200, etag: '"2"' });
    expect(await put("b", { ...longer, content: "other" }, replace(1))).toMatchObject({ status: 412, body: { current: { content: "Hello", version: 2 } } });
    expect(await put("b", longer, create)).toMatchObject({ status: 200, body: { version: 2 } });
    expect((await call("GET", at)).body).toMatchObject({ version: 1, revision: 4 });
  });

  it("take feedback on answers only, and keep it when they change", async () => {
    const { at, put } = await conversation();
    await put("a", message(null));
    await put("b", message("a", "assistant"));
    const judge = (m, body) => call("PUT", `${at}/messages/${m}/feedback`, body);
    expect((await judge("a", { rating: "up" })).status).toBe(400);
    expect((await judge("b", { rating: "sideways" })).status).toBe(400);
    expect((await judge("b", { rating: "down", tags: ["wrong"] })).body).toMatchObject({ rating: "down", tags: ["wrong"], comment: "", correction: "" });
    expect((await put("b", message("a", "assistant", "More"), replace(1))).body.feedback).toMatchObject({ rating: "down" });
    expect((await call("DELETE", `${at}/messages/b/feedback`)).status).toBe(204);
    expect((await call("GET", at)).body.messages[1].feedback).toBe(null);
  });

  it("keep every character", async () => {
    const { at, put } = await conversation();
    const text = "한글 ㅋㅋ 👩‍👩‍👧 \u0001 \\ \" \u2028 e\u0301 🌾";
    await put("a", { ...message(null, "user", text), attachments: [{ name: "가.txt", encoding: "euc-kr", bytes: 4, text }] });
    const [kept] = (await call("GET", at)).body.messages;
    expect([kept.content, kept.attachments[0].text]).toEqual([text, text]);
    expect((await put("b", { ...message("a"), content: "a\0b" })).status).toBe(400);
  });
});
