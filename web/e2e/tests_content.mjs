import { readFileSync } from "node:fs";
import { assert, assertEqual } from "./session.mjs";

const file = (name, bytes) => ({ name, mimeType: "text/plain", buffer: Buffer.from(bytes) });

export const content = {
  "Markdown, code, math; nothing of it runs": {
    needs: "mock",
    async run(s) {
      const page = await s.open();
      await s.ask(page, "markdown please");
      await s.answered(page);
      await page.locator(".katex-display .katex-html").waitFor();
      await page.locator(".hljs-keyword", { hasText: "def" }).waitFor();
      await page.waitForFunction(() => document.fonts.check("16px KaTeX_Main") && [...document.fonts].some((f) => f.family.includes("KaTeX") && f.status === "loaded"));
      assertEqual(await page.evaluate(() => window.hacked), undefined, "scripts in the answer");
      assertEqual(await page.locator(".markdown :is(script, img, iframe)").count(), 0, "elements");
      await (await s.context()).grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.locator("figure.code").getByRole("button", { name: "Copy" }).click();
      assert((await page.evaluate(() => navigator.clipboard.readText())).startsWith("def f(x: int)"), "copied");
    },
  },

  async "files in UTF-8, EUC-KR and CP949; large and binary ones are refused"(s) {
    const page = await s.open();
    const picker = page.locator("input[type=file]");
    await picker.setInputFiles([
      file("utf8.txt", "두레 UTF-8"),
      file("euckr.txt", [0xb5, 0xce, 0xb7, 0xb9]),
      file("cp949.txt", [0x8c, 0x63, 0xb9, 0xe6, 0xb0, 0xa2, 0xc7, 0xcf]),
    ]);
    await page.locator(".chip").nth(2).waitFor();
    assertEqual(await page.locator(".chip select").evaluateAll((l) => l.map((e) => e.value)), ["utf-8", "euc-kr", "euc-kr"], "encodings");
    await picker.setInputFiles([file("image.png", [0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13])]);
    await page.getByText("image.png is not a text file").first().waitFor();
    await picker.setInputFiles([file("large.txt", Buffer.alloc((1 << 20) + 1, 97))]);
    await page.getByText("large.txt is larger than 1 MiB").first().waitFor();
    await page.locator("#message-box").fill("What is in them?");
    await page.keyboard.press("Enter");
    await s.answered(page);
    assertEqual(await page.locator("details.file summary").count(), 3, "files of the message");
    if (s.mock) {
      const sent = s.mock.log[0].messages[0].content;
      for (const text of ['<file name="utf8.txt">\n두레 UTF-8\n</file>', "두레\n</file>", "똠방각하", "What is in them?"]) assert(sent.includes(text), text);
    }
    await page.reload();
    await page.locator("details.file summary").nth(2).waitFor();
  },

  async "judging an answer"(s) {
    const page = await s.open();
    await s.ask(page, "Judge me");
    await s.answered(page);
    await s.button(page, "Bad answer").click();
    await page.getByRole("dialog").waitFor();
    await s.button(page, "wrong").click();
    await page.getByLabel("Comment").fill("2 + 2 is 4");
    await page.getByLabel("What it should have been").fill("4");
    await s.button(page, "Save").click();
    await page.locator("dialog").waitFor({ state: "detached" });
    await page.waitForTimeout(500);
    await page.reload();
    await page.locator('[aria-label="Bad answer"][aria-pressed="true"]').waitFor();
    if (!s.mock) return;
    const { messages } = [...s.mock.conversations.all.values()][0];
    const { updated_at: _, ...given } = [...messages.values()].at(-1).feedback;
    assertEqual(given, { rating: "down", tags: ["wrong"], comment: "2 + 2 is 4", correction: "4" }, "feedback");
  },

  async "search, rename, export, delete"(s) {
    const page = await s.open();
    await s.ask(page, "검색엔진을 만든다");
    await s.answered(page);
    await s.button(page, "New chat").click();
    await s.ask(page, "Something else");
    await s.answered(page);
    await page.locator(".list li").nth(1).waitFor();
    await page.locator("#search").fill("엔진");
    await page.waitForFunction(() => document.querySelectorAll(".list li").length === 1);
    await page.locator(".list a").click();
    await page.waitForFunction(() => document.querySelector("article.question .bubble")?.textContent === "검색엔진을 만든다");
    await page.locator("#search").fill("");
    await page.locator(".list li").nth(1).waitFor();

    const menu = page.locator(".top").getByRole("button", { name: /^Actions for/ });
    await menu.click();
    await page.getByRole("menuitem", { name: "Rename" }).click();
    await page.getByLabel("Title").fill("엔진 이야기");
    await page.keyboard.press("Enter");
    await page.locator(".top h1", { hasText: "엔진 이야기" }).waitFor();
    for (const [item, name] of [["Export as Markdown", "엔진 이야기.md"], ["Export as JSON", "엔진 이야기.json"]]) {
      await menu.click();
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: item }).click()]);
      assertEqual(download.suggestedFilename(), name, item);
      assert(readFileSync(await download.path(), "utf8").includes("검색엔진을 만든다"), `${item}: content`);
    }
    await page.waitForTimeout(600);
    await menu.click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await page.waitForFunction(() => document.querySelectorAll(".list li").length === 1);
    if (s.mock) assertEqual(s.mock.conversations.all.size, 1, "conversations left");
  },

  async "status"(s) {
    const page = await s.open();
    await s.button(page, "Server").click();
    await page.getByRole("dialog", { name: "Server" }).locator("dd").first().waitFor();
    const text = await page.getByRole("dialog").innerText();
    for (const row of ["Waiting requests", "Found in the cache", "Memory of the server"]) assert(text.includes(row), row);
    if (s.mock) assert(text.includes("83 %") && text.includes("12.4 tokens/s"), "figures");
  },
};
