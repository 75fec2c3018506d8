export class ApiError extends Error {
  constructor(status, code, message, type = "invalid_request_error", headers = {}, extra = {}) {
    super(message);
    Object.assign(this, { status, code, type, headers, extra });
  }
}

export function sendJson(res, status, value, headers = {}) {
  res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store", ...headers });
  res.end(JSON.stringify(value));
}

export function sendError(res, e) {
  if (res.headersSent) return void res.destroy();
  const { status = 500, code = "internal", type = "server_error", headers = {}, extra = {}, param = null } = e;
  sendJson(res, status, { error: { message: e.message, type, param, code }, ...extra }, headers);
}

export async function bodyOf(req, limit) {
  const parts = [];
  let size = 0;
  for await (const part of req) {
    size += part.length;
    if (size > limit) throw new ApiError(413, "too_large", `the body is larger than ${limit} bytes`);
    parts.push(part);
  }
  try {
    const value = JSON.parse(Buffer.concat(parts).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // below
  }
  throw new ApiError(400, "invalid_json", "the body is no JSON object");
}
