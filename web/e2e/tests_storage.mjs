import { assert, assertEqual } from "./session.mjs";

export const storage = {
  "reload in mid-answer keeps it, and it can go on": {
    needs: "mock",
    async run(s) {
      const page = await s.open();
      await s.ask(page, "slow please");
      await s.writing(page, "word20 ");
      await page.reload();
      const kept = await s.answered(page, "interrupted");
      assert(kept.includes("word20"), `what was written is kept: ${kept.slice(-40)}`);
      await s.button(page, "Continue").click();
      const whole = await s.answered(page);
      const numbers = [...whole.matchAll(/word(\d+)/g)].map((m) => Number(m[1]));
      assertEqual(numbers, numbers.map((_, i) => i + 1), "no word twice, none missing");
      await page.reload();
      assertEqual(await s.answered(page), whole, "stored");
    },
  },

  "two tabs: both see everything, no change is lost": {
    needs: "mock",
    async run(s) {
      const one = await s.open();
      await s.ask(one, "Begin");
      await s.answered(one);
      await one.waitForTimeout(400);
      const two = await s.open({}, new URL(one.url()).hash);
      await s.answered(two);
      await s.ask(one, "slow please");
      await two.getByText("Being received in another tab").waitFor();
      await two.waitForFunction(() => /word10 /.test(document.querySelector("article.answer:last-of-type > .markdown")?.textContent ?? ""));
      await s.button(one, "Stop").click();
      await s.answered(two, "stopped");

      // both change the settings of the same conversation, one field each, before they hear of each other
      for (const [tab, label, value] of [[one, "Temperature", "0.5"], [two, "Seed", "7"]]) {
        await s.button(tab, "Settings").click();
        await tab.getByLabel(label).fill(value);
      }
      await Promise.all([one, two].map((tab) => tab.keyboard.press("Enter")));
      await Promise.all([one, two].map((tab) => tab.keyboard.press("Escape")));
      // and both ask at the same place
      await Promise.all([s.ask(one, "from one"), s.ask(two, "from two")]);
      await Promise.all([one, two].map((tab) => s.answered(tab)));
      await one.waitForTimeout(800);
      const { header, messages } = [...s.mock.conversations.all.values()][0];
      assertEqual([header.settings.temperature, header.settings.seed], [0.5, 7], "settings");
      const texts = [...messages.values()].map((m) => m.content);
      for (const text of ["from one", "from two"]) assert(texts.includes(text), `${text} is stored`);
      await one.locator(".branches", { hasText: /[12]\/2/ }).first().waitFor();
    },
  },

  "a lost server: said, nothing lost, back by itself": {
    needs: "mock",
    async run(s) {
      const page = await s.open();
      await s.ask(page, "slow please");
      await s.writing(page, "word20 ");
      await s.lose();
      await s.answered(page, "interrupted");
      await page.getByText("The server does not answer.").waitFor();
      await s.ask(page, "are you there?");
      await s.answered(page, "failed");
      await s.revive();
      await page.getByText("The server does not answer.").waitFor({ state: "detached", timeout: 20_000 });
      await page.waitForTimeout(1500);
      const { messages } = [...s.mock.conversations.all.values()][0];
      assert([...messages.values()].some((m) => m.content === "are you there?"), "the question arrived later");
      await s.button(page, "Try again").last().click();
      await s.answered(page);
      await page.reload();
      await s.answered(page);
      assertEqual((await s.questions(page).allInnerTexts()).length, 2, "questions");
    },
  },

  "a lost server, then a reload of nothing but the outbox": {
    needs: "mock",
    async run(s) {
      const page = await s.open();
      await s.ask(page, "Hello");
      await s.answered(page);
      await page.waitForTimeout(600);
      await s.lose();
      await s.ask(page, "written without a server");
      await s.answered(page, "failed");
      await s.revive();
      await page.reload(); // at once: another page sends what the first one could not
      await page.waitForFunction(() => [...document.querySelectorAll("article.question .bubble")].some((e) => e.textContent === "written without a server"));
      await page.waitForTimeout(1000);
      const { messages } = [...s.mock.conversations.all.values()][0];
      assert([...messages.values()].some((m) => m.content === "written without a server"), "stored");
    },
  },

  "conversations in the browser only": {
    needs: "mock",
    config: { storage: "browser" },
    async run(s) {
      const page = await s.open();
      await page.getByText("kept in this browser only").waitFor();
      await s.ask(page, "Remember me");
      const text = await s.answered(page);
      await page.waitForTimeout(300);
      await page.reload();
      assertEqual(await s.answered(page), text, "after a reload");
      await page.locator("#search").fill("두레가");
      await page.locator(".list .snippet", { hasText: "두레가" }).waitFor();
      assertEqual(s.mock.conversations.all.size, 0, "on the server");
    },
  },

  "a key is asked for, and used": {
    needs: "mock",
    config: { key: "secret" },
    async run(s) {
      const page = await (await s.context()).newPage();
      s.tabs.push(page);
      await page.goto(s.url);
      await page.getByRole("dialog", { name: "The server wants a key" }).waitFor();
      await page.getByLabel("API key").fill("wrong");
      await page.keyboard.press("Enter");
      await page.waitForTimeout(500);
      await page.getByLabel("API key").fill("secret");
      await page.keyboard.press("Enter");
      await page.locator("dialog").waitFor({ state: "detached" });
      await s.ask(page, "Hello");
      await s.answered(page);
    },
  },
};
