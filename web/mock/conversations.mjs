// Conversations as API.md keeps them: versions, conflicts, the tree, search.
import { isDeepStrictEqual } from "node:util";
import { checkFeedback, checkHeader, checkId, checkMessage } from "./checks.mjs";
import { ApiError } from "./http.mjs";

const gone = (what) => new ApiError(404, "not_found", `no such ${what}`);

/** Decides by If-Match and If-None-Match. `current` is null if nothing is stored. */
function decide({ match, none }, current, same) {
  if ((match === undefined) === (none === undefined)) {
    throw new ApiError(428, "precondition_required", "PUT needs exactly one of If-Match and If-None-Match");
  }
  if (current && same) return "keep";
  const conflict = () => new ApiError(412, "version_conflict", "another version is stored", undefined, {}, { current });
  if (none !== undefined) {
    if (current) throw conflict();
    return "create";
  }
  if (!current) throw gone("version");
  if (match !== `"${current.version}"`) throw conflict();
  return "replace";
}

const equal = (a, b, names) => names.every((n) => isDeepStrictEqual(a[n], b[n]));

export class Conversations {
  all = new Map(); // id -> { header, messages: Map }

  clear() {
    this.all.clear();
  }

  remove(id) {
    this.all.delete(id);
  }

  entry(id) {
    const entry = this.all.get(id);
    if (!entry) throw gone("conversation");
    return entry;
  }

  touch(entry) {
    entry.header.updated_at = Date.now();
    entry.header.revision++;
  }

  list(query) {
    const limit = Number(query.get("limit") ?? 50);
    if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new ApiError(400, "invalid_field", "limit: 1 to 100");
    const offset = Number(query.get("cursor") ?? 0);
    if (!Number.isInteger(offset) || offset < 0) throw new ApiError(400, "wrong_cursor", "cursor: not one of this server");
    const words = (query.get("q") ?? "").normalize("NFC").toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (const { header, messages } of this.all.values()) {
      const texts = [...messages.values()].map((m) => m.content);
      const all = [header.title, ...texts].map((t) => t.toLowerCase());
      if (!words.every((w) => all.some((t) => t.includes(w)))) continue;
      const hit = words.length > 0 ? texts.find((t) => t.toLowerCase().includes(words[0])) : undefined;
      const from = hit === undefined ? 0 : Math.max(0, hit.toLowerCase().indexOf(words[0]) - 40);
      found.push({ ...header, messages: messages.size, snippet: hit === undefined ? null : Array.from(hit.slice(from)).slice(0, 160).join("") });
    }
    found.sort((a, b) => b.updated_at - a.updated_at || (a.id < b.id ? -1 : 1));
    const data = found.slice(offset, offset + limit);
    return { object: "list", data, next_cursor: offset + limit < found.length ? String(offset + limit) : null };
  }

  get(id) {
    const { header, messages } = this.entry(id);
    return { conversation: { ...header, messages: [...messages.values()] }, etag: `"${header.revision}"` };
  }

  putHeader(id, body, condition) {
    checkId(id);
    const fields = checkHeader(body);
    const entry = this.all.get(id);
    const what = decide(condition, entry?.header ?? null, entry && equal(entry.header, fields, ["title", "settings", "head", "created_at"]));
    if (what === "keep") return { created: false, value: entry.header };
    const header = {
      id, ...fields, updated_at: Date.now(),
      version: (entry?.header.version ?? 0) + 1, revision: (entry?.header.revision ?? 0) + 1,
    };
    this.all.set(id, { header, messages: entry?.messages ?? new Map() });
    return { created: what === "create", value: header };
  }

  putMessage(id, messageId, body, condition) {
    checkId(messageId);
    const entry = this.entry(id);
    const fields = checkMessage(body);
    const current = entry.messages.get(messageId) ?? null;
    const what = decide(condition, current, current && equal(current, fields, Object.keys(fields)));
    if (what === "keep") return { created: false, value: current };
    if (current && (current.parent !== fields.parent || current.role !== fields.role)) {
      throw new ApiError(400, "invalid_field", "parent and role of a message never change");
    }
    if (fields.parent !== null && !entry.messages.has(fields.parent)) {
      throw new ApiError(400, "unknown_parent", `parent: no message ${fields.parent} in this conversation`);
    }
    const value = { id: messageId, ...fields, version: (current?.version ?? 0) + 1, feedback: current?.feedback ?? null };
    entry.messages.set(messageId, value);
    this.touch(entry);
    return { created: what === "create", value };
  }

  removeMessage(id, messageId) {
    const entry = this.entry(id);
    const doomed = new Set([messageId]);
    for (const d of doomed) for (const m of entry.messages.values()) if (m.parent === d) doomed.add(m.id);
    for (const d of doomed) entry.messages.delete(d);
    this.touch(entry);
  }

  putFeedback(id, messageId, body) {
    const entry = this.entry(id);
    const message = entry.messages.get(messageId);
    if (!message) throw gone("message");
    if (message.role !== "assistant") throw new ApiError(400, "invalid_field", "only answers are judged");
    message.feedback = body === null ? null : { ...checkFeedback(body), updated_at: Date.now() };
    this.touch(entry);
    return message.feedback;
  }
}
