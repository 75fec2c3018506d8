// npm run e2e [-- NAME…]: the page in Chromium, against the mock, or against a real server with DURE_URL=http://host:port/.
// DURE_KEY is that server's key, DURE_CHROMIUM names the browser. Tests that need the mock's script are skipped against a real server;
// the others want one without conversations: DURE_WIPE=1 deletes ALL of them before each test.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { createMock } from "../mock/server.mjs";
import { Session } from "./session.mjs";
import { access } from "./tests_access.mjs";
import { chat } from "./tests_chat.mjs";
import { content } from "./tests_content.mjs";
import { input } from "./tests_input.mjs";
import { storage } from "./tests_storage.mjs";

const executablePath = process.env.DURE_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!executablePath) throw new Error("no Chromium: apt-get install chromium, or set DURE_CHROMIUM");
const wanted = process.argv.slice(2);
const real = process.env.DURE_URL;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--lang=en-US"] });
const results = { passed: 0, failed: 0, skipped: 0 };

async function wipe() {
  const headers = process.env.DURE_KEY ? { Authorization: `Bearer ${process.env.DURE_KEY}` } : {};
  const { status } = await fetch(new URL("ui/conversations", real), { method: "DELETE", headers });
  if (status !== 204) throw new Error(`the server's conversations cannot be deleted: ${status}`);
}

for (const [name, test] of Object.entries({ ...chat, ...input, ...content, ...storage, ...access })) {
  if (wanted.length > 0 && !wanted.some((w) => name.includes(w))) continue;
  const { needs = "any", config = {}, run } = typeof test === "function" ? { run: test } : test;
  if (real && needs === "mock") {
    results.skipped++;
    console.log(`skip  ${name} (needs the mock)`);
    continue;
  }
  if (real && process.env.DURE_WIPE) await wipe();
  const mock = real ? null : await createMock(config);
  const session = new Session(browser, real ?? `http://127.0.0.1:${mock.port}/`, mock);
  const started = Date.now();
  try {
    await run(session);
    session.check();
    results.passed++;
    console.log(`ok    ${name} (${Date.now() - started} ms)`);
  } catch (e) {
    results.failed++;
    console.log(`FAIL  ${name}\n      ${String(e.stack ?? e).split("\n").slice(0, 6).join("\n      ")}`);
    await session.picture(name).catch(() => undefined);
  } finally {
    await session.close();
    await session.mock?.close();
  }
}
await browser.close();
console.log(`${results.passed} passed, ${results.failed} failed, ${results.skipped} skipped`);
process.exit(results.failed > 0 ? 1 : 0);
