// One test's browser profile: its tabs, and what no test may cause: script errors, policy violations, other hosts.
import { mkdirSync } from "node:fs";
import { createMock } from "../mock/server.mjs";

export function assert(condition, message) {
  if (!condition) throw new Error(message);
}

export function assertEqual(actual, expected, what = "value") {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
}

export class Session {
  problems = [];
  lostServer = false; // failed requests are expected then
  tabs = [];

  constructor(browser, url, mock) {
    Object.assign(this, { browser, url, mock });
  }

  async context(options = {}) {
    this.profile ??= await this.browser.newContext({ locale: "en-US", viewport: { width: 1100, height: 800 }, ...options });
    return this.profile;
  }

  /** A new tab on the page, ready to write. */
  async open(options = {}, path = "") {
    const page = await (await this.context(options)).newPage();
    this.tabs.push(page);
    page.setDefaultTimeout(30_000);
    const host = new URL(this.url).host;
    page.on("pageerror", (e) => this.problems.push(`script error: ${e.message}`));
    page.on("request", (r) => {
      const u = new URL(r.url());
      if (/^https?:$/.test(u.protocol) && u.host !== host) this.problems.push(`asked another host: ${r.url()}`);
    });
    page.on("console", (m) => {
      const text = m.text();
      if (/Content Security Policy|Trusted/i.test(text)) this.problems.push(`policy: ${text}`);
      else if (m.type() === "error" && !/Failed to load resource/.test(text)) this.problems.push(`console: ${text}`);
    });
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (e) => console.error(`Content Security Policy: ${e.violatedDirective} ${e.blockedURI}`));
    });
    if (process.env.DURE_KEY) await page.addInitScript((key) => localStorage.setItem("dure.key", JSON.stringify(key)), process.env.DURE_KEY);
    await page.goto(this.url + path);
    await page.locator("#message-box").waitFor();
    await page.waitForFunction(() => document.activeElement?.id === "message-box");
    return page;
  }

  async ask(page, text) {
    await page.locator("#message-box").fill(text);
    await page.keyboard.press("Enter");
  }

  answers = (page) => page.locator("article.answer");
  questions = (page) => page.locator("article.question .bubble");

  /** Waits until the last answer has ended, and gives its text. */
  async answered(page, status = "complete") {
    await page.waitForFunction((s) => {
      const last = [...document.querySelectorAll("article.answer")].at(-1);
      return last?.dataset.status === s && last.getAttribute("aria-busy") === "false";
    }, status, { timeout: this.mock ? 60_000 : 120_000 });
    return this.answers(page).last().locator("> .markdown").innerText().catch(() => "");
  }

  /** Waits until the answer has some text and is still being written. */
  async writing(page, part = "") {
    await page.waitForFunction((p) => {
      const last = [...document.querySelectorAll("article.answer")].at(-1);
      const text = last?.querySelector(":scope > .markdown")?.textContent ?? "";
      return last?.getAttribute("aria-busy") === "true" && text.length > 3 && text.includes(p);
    }, part, { timeout: 30_000 });
  }

  button = (page, name) => page.getByRole("button", { name, exact: true });

  /** The mock dies and comes back on the same port, with what it had stored. */
  async lose() {
    this.lostServer = true;
    await this.mock.close();
  }

  async revive() {
    const { port, conversations } = this.mock;
    this.mock = await createMock({ port });
    this.mock.conversations.all = conversations.all;
  }

  check() {
    assertEqual(this.problems, [], "problems");
  }

  async picture(name) {
    mkdirSync("e2e/out", { recursive: true });
    await this.tabs.at(-1)?.screenshot({ path: `e2e/out/${name.replace(/\W+/g, "_")}.png` });
  }

  async close() {
    await this.profile?.close();
  }
}
