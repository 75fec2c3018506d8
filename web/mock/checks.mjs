// Types and limits of the fields of API.md; what passes has every field and no other.
import { ApiError } from "./http.mjs";

const fail = (field, expected) => {
  throw Object.assign(new ApiError(400, "invalid_field", `${field}: expected ${expected}`), { param: field });
};

const isText = (v) => typeof v === "string" && v.isWellFormed() && !v.includes("\0");
const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);
const isTime = (v) => Number.isSafeInteger(v) && v >= 0;

export function checkId(id) {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) fail("id", "up to 64 of A-Z a-z 0-9 _ -");
}

function text(body, name, { optional = false, nullable = false, limit = Infinity } = {}) {
  const value = body[name] ?? (nullable ? null : optional ? "" : undefined);
  if (value === null && nullable) return null;
  if (!isText(value)) fail(name, "a string");
  if (Buffer.byteLength(value) > limit) throw new ApiError(413, "too_large", `${name}: larger than ${limit} bytes`);
  return value;
}

function json(body, name, limit, nullable) {
  const value = body[name] ?? null;
  if (value === null && nullable) return null;
  if (!isObject(value)) fail(name, "an object");
  if (JSON.stringify(value).length > limit) throw new ApiError(413, "too_large", `${name}: larger than ${limit} bytes`);
  return value;
}

function time(body, name) {
  if (!isTime(body[name])) fail(name, "milliseconds since 1970, an integer");
  return body[name];
}

export function checkHeader(body) {
  const title = text(body, "title");
  if (Array.from(title).length > 200) fail("title", "up to 200 code points");
  return { title, settings: json(body, "settings", 256 << 10, false), head: text(body, "head", { nullable: true }), created_at: time(body, "created_at") };
}

const statuses = ["complete", "streaming", "stopped", "interrupted", "failed"];

export function checkMessage(body) {
  if (!["user", "assistant"].includes(body.role)) fail("role", "user or assistant");
  if (!statuses.includes(body.status)) fail("status", statuses.join(", "));
  const files = body.attachments ?? [];
  if (!Array.isArray(files) || (body.role === "assistant" && files.length > 0)) fail("attachments", "a list, empty for an answer");
  if (files.length > 16) fail("attachments", "up to 16");
  const ms = body.reasoning_ms ?? null;
  if (ms !== null && !isTime(ms)) fail("reasoning_ms", "milliseconds, an integer, or null");
  return {
    parent: text(body, "parent", { nullable: true }), role: body.role, content: text(body, "content"),
    reasoning: text(body, "reasoning", { optional: true }), reasoning_ms: ms,
    attachments: files.map((f) => ({
      name: text(f, "name"), encoding: text(f, "encoding"), bytes: time(f, "bytes"), text: text(f, "text", { limit: 4 << 20 }),
    })),
    status: body.status, error: text(body, "error", { nullable: true }), finish_reason: text(body, "finish_reason", { nullable: true }),
    model: text(body, "model", { nullable: true }), params: json(body, "params", 16 << 10, true),
    usage: json(body, "usage", 16 << 10, true), timings: json(body, "timings", 16 << 10, true), created_at: time(body, "created_at"),
  };
}

export function checkFeedback(body) {
  if (!["up", "down"].includes(body.rating)) fail("rating", "up or down");
  const tags = body.tags ?? [];
  if (!Array.isArray(tags) || tags.length > 8 || !tags.every((t) => /^[a-z_]{1,32}$/.test(t))) fail("tags", "up to 8 of [a-z_]{1,32}");
  return {
    rating: body.rating, tags, comment: text(body, "comment", { optional: true, limit: 64 << 10 }),
    correction: text(body, "correction", { optional: true, limit: 64 << 10 }),
  };
}
