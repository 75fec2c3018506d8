// What an accessibility checker looks at first: names of controls, ids, headings, contrast.

/** Controls and regions without a name, doubled ids, positive tabindex. */
export function auditLabels(page) {
  return page.evaluate(() => {
    const problems = [];
    const visible = (e) => e.checkVisibility() && !e.closest("[aria-hidden=true]");
    const name = (e) =>
      (e.getAttribute("aria-label") ?? "").trim() ||
      (e.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join("").trim() ||
      [...(e.labels ?? [])].map((l) => l.textContent).join("").trim() ||
      (e.matches("button, a, summary, [role=menuitem]") ? e.textContent.trim() : "");
    const need = "button, a[href], input:not([hidden]), select, textarea, summary, dialog, nav, aside, [role=log], [role=group], progress, meter, article";
    for (const e of document.querySelectorAll(need)) {
      const task = e.matches(".task > input"); // read together with its item
      if (visible(e) && !task && name(e) === "") problems.push(`no name: ${e.outerHTML.slice(0, 120)}`);
    }
    const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
    for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) problems.push(`id twice: ${id}`);
    for (const e of document.querySelectorAll("[tabindex]")) if (e.tabIndex > 0) problems.push("positive tabindex");
    for (const e of document.querySelectorAll("[aria-describedby]")) if (!document.getElementById(e.getAttribute("aria-describedby"))) problems.push("describedby nothing");
    if (document.querySelectorAll("main").length !== 1) problems.push("not one main");
    if (!document.documentElement.lang) problems.push("no lang");
    return problems;
  });
}

/** Text below 4.5 : 1 on its ground (3 : 1 if large); disabled controls and formulas' hidden copies do not count. */
export function lowContrast(page) {
  return page.evaluate(() => {
    const parse = (c) => (c.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    const luminance = ([r, g, b]) => {
      const f = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
    };
    const ground = (e) => {
      for (let p = e; p; p = p.parentElement) {
        const c = parse(getComputedStyle(p).backgroundColor);
        if ((c[3] ?? 1) > 0.99) return c;
      }
      return [255, 255, 255];
    };
    const problems = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const e = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !e.checkVisibility({ opacityProperty: true }) || e.closest(":disabled, option, .katex-mathml, .off-screen, .skip, [data-theme-skip]")) continue;
      const style = getComputedStyle(e);
      const [a, b] = [luminance(parse(style.color)), luminance(ground(e))].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) problems.add(`${ratio.toFixed(2)} ${e.tagName}.${e.className} ${walker.currentNode.data.trim().slice(0, 30)}`);
    }
    return [...problems];
  });
}
