import { assert, assertEqual } from "./session.mjs";

/** A field with Hangul being composed, as the browser itself does it. */
async function compose(page, before, syllable) {
  const client = await page.context().newCDPSession(page);
  await page.locator("#message-box").fill(before);
  for (const step of [syllable.normalize("NFD")[0], syllable]) {
    await client.send("Input.imeSetComposition", { text: step, selectionStart: step.length, selectionEnd: step.length });
  }
  return client;
}

const composingEnter = { type: "rawKeyDown", windowsVirtualKeyCode: 229, nativeVirtualKeyCode: 229, key: "Process", code: "Enter" };

/** Events of another browser, played on the message box; each ["type", data or keyCode]. */
const play = (page, steps) =>
  page.evaluate(async (list) => {
    const box = document.getElementById("message-box");
    for (const [type, data, composing] of list) {
      if (type === "text") {
        box.value = data;
        box.dispatchEvent(new InputEvent("input", { bubbles: true }));
      } else if (type === "keydown") {
        box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", code: "Enter", keyCode: data, which: data, isComposing: composing ?? false, bubbles: true, cancelable: true }));
      } else if (type === "wait") await new Promise((r) => setTimeout(r, data));
      else box.dispatchEvent(new CompositionEvent(type, { data, bubbles: true }));
    }
  }, steps);

const sequences = {
  "Chrome on macOS": [["text", "안녕하세"], ["compositionstart", ""], ["compositionupdate", "요"], ["text", "안녕하세요"], ["keydown", 229, true], ["compositionend", "요"], ["keydown", 13]],
  "Chrome on Linux": [["text", "안녕하세"], ["compositionstart", ""], ["compositionupdate", "요"], ["text", "안녕하세요"], ["keydown", 229, true], ["compositionend", "요"]],
  "Windows, the second key late": [["text", "안녕하세"], ["compositionstart", ""], ["compositionupdate", "요"], ["text", "안녕하세요"], ["keydown", 229, true], ["compositionend", "요"], ["wait", 30], ["keydown", 13]],
  "Safari": [["text", "안녕하세"], ["compositionstart", ""], ["compositionupdate", "요"], ["text", "안녕하세요"], ["compositionend", "요"], ["keydown", 229]],
  "Firefox": [["text", "안녕하세"], ["compositionstart", ""], ["compositionupdate", "요"], ["text", "안녕하세요"], ["keydown", 229, true], ["compositionend", "요"], ["text", "안녕하세요"]],
};

export const input = {
  async "Hangul: Enter while composing sends once, with the last syllable"(s) {
    const page = await s.open();
    const client = await compose(page, "안녕하세", "요");
    await client.send("Input.dispatchKeyEvent", composingEnter);
    await client.send("Input.insertText", { text: "요" }); // the input method commits
    await s.answered(page);
    await page.waitForTimeout(300);
    assertEqual(await s.questions(page).allInnerTexts(), ["안녕하세요"], "sent");
    assertEqual(await page.locator("#message-box").inputValue(), "", "nothing is left behind");
  },

  async "Hangul: the order of events of each browser"(s) {
    const page = await s.open();
    for (const [name, steps] of Object.entries(sequences)) {
      await s.button(page, "New chat").click();
      await page.waitForFunction(() => document.querySelectorAll("article").length === 0);
      await play(page, steps);
      await s.answered(page);
      await page.waitForTimeout(100);
      assertEqual(await s.questions(page).allInnerTexts(), ["안녕하세요"], name);
      assertEqual(await page.locator("#message-box").inputValue(), "", `${name}: rest`);
    }
  },

  async "Japanese: Enter commits, a second one sends"(s) {
    const page = await s.open();
    await play(page, [["compositionstart", ""], ["compositionupdate", "日本"], ["text", "日本"], ["keydown", 229, true], ["compositionend", "日本"]]);
    await page.waitForTimeout(200);
    assertEqual(await s.questions(page).count(), 0, "not sent by the first");
    await page.keyboard.press("Enter");
    await s.answered(page);
    assertEqual(await s.questions(page).allInnerTexts(), ["日本"], "sent by the second");
  },

  async "Shift+Enter starts a line; blank text is not sent; drafts survive a reload"(s) {
    const page = await s.open();
    await page.keyboard.press("Enter");
    await page.locator("#message-box").fill("  ");
    await page.keyboard.press("Enter");
    assertEqual(await s.questions(page).count(), 0, "blank");
    await page.locator("#message-box").fill("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    await page.reload();
    await page.waitForFunction(() => document.getElementById("message-box")?.value === "one\ntwo");
    await page.locator("#message-box").press("Enter");
    await s.answered(page);
    assertEqual(await s.questions(page).allInnerTexts(), ["one\ntwo"], "sent");
  },

  async "keyboard only: the whole way"(s) {
    const page = await s.open();
    await page.keyboard.type("Hello");
    await page.keyboard.press("Enter");
    await s.answered(page);
    await page.keyboard.press("Alt+KeyR");
    await page.locator(".branches", { hasText: "2/2" }).waitFor();
    await s.answered(page);
    await page.locator("#message-box").focus();
    await page.keyboard.press("ArrowUp");
    await page.locator("form.edit").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("form.edit").waitFor({ state: "detached" });
    await page.keyboard.press("Alt+ArrowUp");
    assert(await page.evaluate(() => document.activeElement.matches("article.answer")), "the focus is on a message");
    await page.keyboard.press("Shift+Slash");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("Control+KeyB");
    await page.locator(".sidebar").waitFor({ state: "detached" });
    await page.keyboard.press("Control+KeyK");
    await page.waitForFunction(() => document.activeElement?.id === "search");
    await page.keyboard.press("Control+Comma");
    await page.getByRole("dialog", { name: "Settings" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("Control+Shift+KeyO");
    await page.waitForFunction(() => document.querySelectorAll("article").length === 0 && document.activeElement?.id === "message-box");
    const seen = new Set();
    for (let i = 0; i < 25; i++) {
      await page.keyboard.press("Tab");
      seen.add(await page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent));
    }
    for (const name of ["New chat", "Search conversations", "Model", "Settings", "Attach a text file", "Message"]) assert(seen.has(name), `Tab reaches ${name}`);
  },
};
