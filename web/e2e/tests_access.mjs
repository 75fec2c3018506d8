import { assert, assertEqual } from "./session.mjs";
import { auditLabels, lowContrast } from "./audit.mjs";

async function conversation(s, page) {
  await s.ask(page, s.mock ? "markdown please" : "Write a short Python function.");
  await s.answered(page);
}

const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

export const access = {
  async "Korean"(s) {
    const page = await s.open({ locale: "ko-KR" });
    assertEqual(await page.locator("html").getAttribute("lang"), "ko", "lang");
    await page.getByRole("button", { name: "새 대화", exact: true }).waitFor();
    await s.ask(page, "안녕하세요");
    await s.answered(page);
    const words = await page.locator(".app").evaluate((e) => [...e.querySelectorAll("[aria-label]")].map((x) => x.ariaLabel).filter((l) => l && !/[가-힣]/.test(l)));
    assertEqual(words, [], "labels without Hangul");
    await page.getByRole("button", { name: "설정", exact: true }).click();
    await page.getByLabel("언어").selectOption("en");
    await page.getByRole("heading", { name: "Settings" }).waitFor();
  },

  async "dark by the system and by hand"(s) {
    const page = await s.open({ colorScheme: "dark" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assertEqual(await ground(), "rgb(25, 26, 24)", "by the system");
    await page.getByRole("button", { name: /^Appearance/ }).click();
    assertEqual(await ground(), "rgb(251, 250, 247)", "light by hand");
    await page.keyboard.press("Control+Shift+KeyL");
    await page.emulateMedia({ colorScheme: "light" });
    assertEqual(await ground(), "rgb(25, 26, 24)", "dark by hand");
    await page.reload();
    await page.locator("#message-box").waitFor();
    assertEqual(await ground(), "rgb(25, 26, 24)", "remembered");
  },

  async "320 pixels"(s) {
    const page = await s.open({ viewport: { width: 320, height: 640 }, hasTouch: false });
    await s.button(page, "Show conversations").click();
    assertEqual(await sideways(page), 0, "overflow with the list");
    await s.button(page, "Hide conversations").click();
    await conversation(s, page);
    await s.picture("narrow");
    assertEqual(await sideways(page), 0, "overflow of the chat");
    for (const name of ["Send", "Settings", "Show conversations"]) {
      const box = await page.getByRole("button", { name, exact: true }).boundingBox();
      assert(box && box.x >= 0 && box.x + box.width <= 320, `${name} is on the screen`);
    }
    await s.button(page, "Settings").click();
    assertEqual(await sideways(page), 0, "overflow of the settings");
  },

  async "labels, roles, focus and contrast"(s) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await s.open();
      await page.emulateMedia({ colorScheme });
      await conversation(s, page);
      await page.waitForTimeout(600);
      await page.mouse.move(0, 0);
      assertEqual(await auditLabels(page), [], `labels, ${colorScheme}`);
      assertEqual(await lowContrast(page), [], `contrast, ${colorScheme}`);
      await s.picture(`conversation ${colorScheme}`);
      for (const name of ["Settings", "Server"]) {
        await s.button(page, name).click();
        await page.getByRole("dialog", { name }).waitFor();
        await page.waitForTimeout(300);
        assertEqual(await auditLabels(page), [], `labels of ${name}`);
        assertEqual(await lowContrast(page), [], `contrast of ${name}, ${colorScheme}`);
        await s.picture(`${name} ${colorScheme}`);
        await page.keyboard.press("Escape");
        await page.locator("dialog").waitFor({ state: "detached" });
        assertEqual(await page.evaluate(() => document.activeElement.ariaLabel), name, "the focus returns");
      }
      assertEqual(await page.getByRole("log").count(), 1, "log");
      assertEqual(await page.locator("[aria-live=polite]").count(), 1, "live region");
    }
  },

  "the answer is announced by sentences": {
    needs: "mock",
    async run(s) {
      const page = await s.open();
      await page.evaluate(() => {
        window.said = [];
        const region = document.querySelector("[aria-live=polite]");
        new MutationObserver(() => window.said.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
      });
      await s.ask(page, "One. Two.");
      await s.answered(page);
      await page.waitForTimeout(200);
      const said = (await page.evaluate(() => window.said)).join(" | ");
      assert(said.includes("두레가 답합니다.") && said.includes("The answer is complete"), said);
      assert((await page.evaluate(() => window.said.length)) < 7, `sentences, not tokens: ${said}`);
    },
  },
};
