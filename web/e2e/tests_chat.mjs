import { assert, assertEqual } from "./session.mjs";

export const chat = {
  async "first message"(s) {
    const page = await s.open();
    await s.ask(page, "Hello there");
    const text = await s.answered(page);
    assert(text.length > 0, "an answer");
    assertEqual(await s.questions(page).allInnerTexts(), ["Hello there"], "questions");
    assert(/#\/c\/\w+/.test(page.url()), "the address names the conversation");
    await page.locator(".list li.here", { hasText: "Hello there" }).waitFor();
    assert(/\d/.test(await page.locator(".stats").innerText()), "figures of the answer");
    if (s.mock) {
      assertEqual(text, "You said: Hello there. 두레가 답합니다.", "answer");
      assertEqual(s.mock.log[0].messages, [{ role: "user", content: "Hello there" }], "request");
    }
  },

  "streaming, and following the end only if the reader is there": {
    needs: "mock",
    async run(s) {
      const page = await s.open({ viewport: { width: 500, height: 400 } });
      await s.ask(page, "slow please");
      await s.writing(page, "word5 ");
      const first = await s.answers(page).last().innerText();
      await s.writing(page, "word90 ");
      assert((await s.answers(page).last().innerText()).length > first.length, "it grows");
      const place = page.locator(".transcript");
      const distance = () => place.evaluate((p) => p.scrollHeight - p.scrollTop - p.clientHeight);
      assert((await distance()) < 60, "at the end");
      await place.evaluate((p) => p.scrollTo({ top: 0 }));
      await page.waitForTimeout(500);
      assertEqual(await place.evaluate((p) => p.scrollTop), 0, "stays where the reader is");
      await s.button(page, "Go to the end").click();
      await page.waitForTimeout(300);
      assert((await distance()) < 60, "at the end again");
      await page.keyboard.press("Escape");
      await s.answered(page, "stopped");
    },
  },

  async "stop, then continue"(s) {
    const page = await s.open();
    await s.ask(page, s.mock ? "slow please" : "Count from 1 to 500.");
    await s.writing(page);
    await s.button(page, "Stop").click();
    const half = await s.answered(page, "stopped");
    if (s.mock) await page.waitForTimeout(200);
    if (s.mock) assertEqual(s.mock.cancelled, 1, "cancelled requests");
    await s.button(page, "Continue").click();
    if (!s.mock) return void (await s.writing(page));
    const whole = await s.answered(page);
    assert(whole.startsWith(half.trim()) && whole.length > half.length, "goes on where it stopped");
    assertEqual(s.mock.log[1].messages.at(-1), { role: "assistant", content: s.mock.log[1].messages.at(-1).content, prefix: true }, "prefix");
    const numbers = [...whole.matchAll(/word(\d+)/g)].map((m) => Number(m[1]));
    assertEqual(numbers, numbers.map((_, i) => i + 1), "no word twice, none missing");
  },

  async "regenerate, and switching between branches"(s) {
    const page = await s.open();
    await s.ask(page, "Say something");
    await s.answered(page);
    await s.button(page, "Another answer").click();
    await page.locator(".branches", { hasText: "2/2" }).waitFor();
    await s.answered(page);
    await s.button(page, "Previous branch").click();
    await page.locator(".branches", { hasText: "1/2" }).waitFor();
    await page.waitForTimeout(500);
    await page.reload();
    await page.locator(".branches", { hasText: "1/2" }).waitFor(); // the branch shown last
    await s.button(page, "Next branch").click();
    await page.locator(".branches", { hasText: "2/2" }).waitFor();
  },

  async "edit and branch"(s) {
    const page = await s.open();
    await s.ask(page, "First words");
    await s.answered(page);
    await s.ask(page, "Second");
    await page.waitForFunction(() => document.querySelectorAll("article.answer").length === 2);
    await s.answered(page);
    await page.locator("article.question").first().hover();
    await s.button(page, "Edit").first().click();
    await page.locator("form.edit textarea").fill("Other words");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll("article.answer").length === 1);
    await s.answered(page);
    assertEqual(await s.questions(page).allInnerTexts(), ["Other words"], "new branch");
    if (s.mock) assertEqual(s.mock.log[2].messages, [{ role: "user", content: "Other words" }], "request");
    await page.locator("article.question").first().hover();
    await s.button(page, "Previous branch").first().click();
    await page.waitForFunction(() => document.querySelectorAll("article.question").length === 2);
    assertEqual(await s.questions(page).allInnerTexts(), ["First words", "Second"], "old branch");
  },

  "thoughts with their time": {
    needs: "mock",
    async run(s) {
      const page = await s.open();
      await s.ask(page, "think about it");
      await page.getByRole("button", { name: /^Thinking · \d/ }).waitFor();
      await s.answered(page);
      const fold = page.getByRole("button", { name: /^Thought for 0\.\d s$/ });
      assertEqual(await fold.getAttribute("aria-expanded"), "false", "folded");
      await fold.click();
      assert((await page.locator(".reasoning .markdown").innerText()).includes("the user asks for a thought."), "unfolded");
    },
  },

  "prompt progress": {
    needs: "mock",
    async run(s) {
      const page = await s.open();
      await s.ask(page, "long prompt");
      await page.waitForFunction(() => document.querySelector(".reading progress")?.value > 0);
      assert(/of 2,000 tokens/.test(await page.locator(".reading").innerText()), "tokens");
      await s.answered(page);
      assertEqual(await page.locator(".reading").count(), 0, "gone when it writes");
      assertEqual(await page.locator("meter").getAttribute("aria-label"), "Context: 2,004 of 4,096 tokens", "context");
    },
  },

  "errors before and inside an answer, and a cut connection": {
    needs: "mock",
    async run(s) {
      const page = await s.open();
      await s.ask(page, "error before");
      await s.answered(page, "failed");
      await page.getByText("No answer: the mock was asked to fail").waitFor();
      await s.button(page, "Try again").click();
      await page.waitForTimeout(300);
      assertEqual(await s.answers(page).count(), 1, "the empty answer is tried again in its place");
      await s.button(page, "New chat").click();
      await s.ask(page, "error inside");
      await s.answered(page, "interrupted");
      await page.getByText("Cut off: out of memory").waitFor();
      await s.button(page, "New chat").click();
      await s.ask(page, "cut it");
      assert((await s.answered(page, "interrupted")).startsWith("You said"), "what came is kept");
      await page.getByText("Cut off: the connection was lost").waitFor();
      await s.button(page, "Continue").click();
      await page.waitForTimeout(300);
    },
  },

  async "settings go into the request"(s) {
    const page = await s.open();
    await s.button(page, "Settings").click();
    await page.getByLabel("System prompt").fill("Be brief.");
    await page.getByLabel("Temperature").fill("0.3");
    await page.getByRole("combobox", { name: "Thinking" }).selectOption("off");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await s.ask(page, "Hi");
    await s.answered(page);
    if (!s.mock) return;
    const { messages, temperature, thinking, model } = s.mock.log[0];
    assertEqual([messages[0], temperature, thinking, model], [{ role: "system", content: "Be brief." }, 0.3, { type: "disabled" }, "mock-small"], "request");
    await page.getByRole("combobox", { name: "Model" }).selectOption("mock/large");
    await s.ask(page, "Again");
    await page.waitForFunction(() => document.querySelectorAll("article.answer").length === 2);
    await s.answered(page);
    assertEqual(s.mock.log[1].model, "mock/large", "model");
  },
};
