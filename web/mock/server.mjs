// The routes of API.md, with what lies behind them in memory.
import { createServer } from "node:http";
import { complete } from "./completions.mjs";
import { Conversations } from "./conversations.mjs";
import { ApiError, bodyOf, sendError, sendJson } from "./http.mjs";
import { serveFile } from "./files.mjs";

const limits = { body_bytes: 32 << 20, attachment_bytes: 1 << 20, attachments: 16 };
const models = [
  { id: "mock-small", object: "model", created: 0, owned_by: "dure", context_length: 4096 },
  { id: "mock/large", object: "model", created: 0, owned_by: "dure", context_length: 131072 },
];

/** Starts on a port (0: any) of the loopback. `storage`, `key`: as the flags of the server. */
export async function createMock({ port = 0, storage = "server", key = "" } = {}) {
  const conversations = new Conversations();
  const state = { port: 0, storage, key, conversations, limits, log: [], server: null };
  const server = createServer((req, res) => void handle(state, req, res));
  state.server = server;
  await new Promise((resolve) => server.listen(Number(port), "127.0.0.1", resolve));
  state.port = server.address().port;
  state.close = () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
  return state;
}

async function handle(state, req, res) {
  try {
    const { pathname, searchParams } = new URL(req.url, "http://x");
    const parts = pathname.split("/").slice(1).map(decodeURIComponent);
    const own = `http://${req.headers.host}`;
    if (req.headers.origin && req.headers.origin !== own) throw new ApiError(403, "wrong_origin", "requests of other sites are refused");
    if (pathname === "/health") return sendJson(res, 200, { status: "ok" });
    if (pathname === "/ui/config") {
      const { storage, key } = state;
      return sendJson(res, 200, { name: "Dure", version: "mock", storage, auth: key !== "", limits: state.limits });
    }
    const isApi = ["ui", "v1", "status"].includes(parts[0]);
    if (!isApi) return await serveFile(pathname, req, res);
    if (state.key !== "" && req.headers.authorization !== `Bearer ${state.key}`) {
      throw new ApiError(401, "invalid_api_key", "a key is needed: Authorization: Bearer KEY", "authentication_error");
    }
    if (pathname === "/status") return sendJson(res, 200, status(state));
    if (pathname === "/v1/models") return sendJson(res, 200, { object: "list", data: models });
    if (pathname === "/v1/chat/completions") return await complete(await bodyOf(req, limits.body_bytes), req, res, state);
    if (parts[0] === "ui" && parts[1] === "conversations") {
      if (state.storage === "browser") throw new ApiError(403, "storage_disabled", "conversations are kept in the browser", "permission_error");
      return await stored(state.conversations, req, res, parts.slice(2), searchParams);
    }
    throw new ApiError(404, "not_found", `no such path: ${pathname}`);
  } catch (e) {
    sendError(res, e);
  }
}

async function stored(all, req, res, [id, section, message, feedback, ...rest], query) {
  const depth = [id, section, message, feedback].filter((p) => p !== undefined).length;
  const body = req.method === "PUT" ? await bodyOf(req, limits.body_bytes) : null;
  const condition = { match: req.headers["if-match"], none: req.headers["if-none-match"] };
  const named = depth < 2 || (section === "messages" && (depth === 3 || (depth === 4 && feedback === "feedback")));
  if (!named || rest.length > 0) throw new ApiError(404, "not_found", "no such path");
  const routes = {
    0: { GET: () => sendJson(res, 200, all.list(query)), DELETE: () => (all.clear(), res.writeHead(204).end()) },
    1: {
      GET: () => {
        const { conversation, etag } = all.get(id);
        if (condition.none === etag) return res.writeHead(304, { ETag: etag }).end();
        return sendJson(res, 200, conversation, { ETag: etag, "Cache-Control": "no-cache" });
      },
      PUT: () => put(res, all.putHeader(id, body, condition)),
      DELETE: () => (all.remove(id), res.writeHead(204).end()),
    },
    3: {
      PUT: () => put(res, all.putMessage(id, message, body, condition)),
      DELETE: () => (all.removeMessage(id, message), res.writeHead(204).end()),
    },
    4: {
      PUT: () => sendJson(res, 200, all.putFeedback(id, message, body)),
      DELETE: () => (all.putFeedback(id, message, null), res.writeHead(204).end()),
    },
  }[depth];
  const route = routes[req.method];
  if (!route) throw new ApiError(405, "method_not_allowed", `${req.method} is not for this path`, undefined, { Allow: Object.keys(routes).join(", ") });
  route();
}

const put = (res, { created, value }) => sendJson(res, created ? 201 : 200, value, { ETag: `"${value.version}"` });

const status = (state) => ({
  version: "mock", model: models[0].id, uptime_s: Math.round(process.uptime()),
  queue: { waiting: 0, limit: 64 }, slots: { used: state.active ?? 0, total: 4 },
  requests: { finished: state.finished ?? 0, failed: 0, cancelled: state.cancelled ?? 0 },
  cache: { tokens_used: 512, tokens_total: 4096, hit_rate: 0.83 },
  speed: { prompt_tokens_per_second: 410.2, tokens_per_second: 12.4 },
  memory: { rss_bytes: process.memoryUsage().rss, available_bytes: 5368709120, total_bytes: 16777216000 },
});
