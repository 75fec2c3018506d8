// dist/ with the headers that API.md asks for.
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { ApiError } from "./http.mjs";

const dist = new URL("../dist/", import.meta.url);
const types = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
};

export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

export async function serveFile(pathname, req, res) {
  if (req.method !== "GET" && req.method !== "HEAD") throw new ApiError(405, "method_not_allowed", "only GET", undefined, { Allow: "GET" });
  const name = pathname === "/" ? "index.html" : pathname.slice(1);
  if (!/^(?:index\.html|NOTICES\.txt|assets\/[\w.-]+)$/.test(name)) throw new ApiError(404, "not_found", `no such path: ${pathname}`);
  const bytes = await readFile(new URL(name, dist)).catch(() => null);
  if (!bytes) throw new ApiError(404, "not_found", `no such path: ${pathname}`);
  const headers = { "Content-Type": types[extname(name)], "X-Content-Type-Options": "nosniff" };
  if (name.startsWith("assets/")) headers["Cache-Control"] = "public, max-age=31536000, immutable";
  else Object.assign(headers, {
    "Cache-Control": "no-cache", "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
  });
  res.writeHead(200, headers).end(bytes);
}
