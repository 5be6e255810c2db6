// The example page: a to-do list that stays, and that a second tab changes under the first one's eyes.
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inContext } from "./browsers.mjs";
import { out, root } from "./place.mjs";

/** A reload, a second tab, and what the screenshots show. */
export async function todo(url) {
  cpSync(join(root, "examples/browser"), join(out, "todo"), {
    recursive: true,
    filter: (path) => !path.includes("node_modules"),
  });
  cpSync(join(out, "node_modules"), join(out, "todo/node_modules"), { recursive: true });
  const failures = [];
  let passed = 0;
  const check = (holds, what) => {
    if (holds) passed += 1;
    else failures.push(`the to-do page: ${what}`);
  };
  await inContext(async (context) => {
    const open = async () => {
      const page = await context.newPage();
      page.on("pageerror", (error) => failures.push(`the to-do page: ${error}`));
      await page.goto(`${url}/todo/index.html`);
      await page.waitForFunction(() => document.querySelector("#left").textContent !== "");
      return page;
    };
    const texts = (page) => page.locator("li span").allTextContents();
    const lines = (page, count) =>
      page.waitForFunction((wanted) => document.querySelectorAll("li").length === wanted, count);
    const add = async (page, text, count) => {
      await page.fill("input[name=text]", text);
      await page.click("form button");
      await lines(page, count);
    };
    const shot = async (page, name) => {
      // Without what blinks or is where the mouse was.
      await page.mouse.move(0, 0);
      await page.evaluate(() => document.activeElement?.blur());
      const image = await page.locator("ul").screenshot();
      writeFileSync(join(out, `todo-${name}.png`), image);
      return image;
    };

    const first = await open();
    await add(first, "Buy milk", 1);
    await add(first, "Écrire à Ada", 2);
    await first.locator("li input").first().check();
    await first.waitForSelector("li.done");
    const before = await shot(first, "before");

    await first.reload();
    await lines(first, 2);
    check((await texts(first)).join() === "Buy milk,Écrire à Ada", "the items are there after a reload");
    check(before.equals(await shot(first, "reloaded")), "a reload shows the same picture");

    const second = await open();
    check((await texts(second)).length === 2, "a second tab shows the items");
    await add(second, "Call Grace", 3);
    await lines(first, 3);
    check((await texts(first))[2] === "Call Grace", "the first tab shows what the second has added");
    const live = await shot(first, "live");
    check(!live.equals(before), "the picture has changed");
    check(live.equals(await shot(second, "second")), "both tabs show the same picture");

    await second.locator("li button").nth(2).click();
    await lines(first, 2);
    check(before.equals(await shot(first, "removed")), "removed there, the picture here is as it was");
    // Both at once: neither change is lost.
    await Promise.all([first.locator("li input").nth(0).click(), second.locator("li input").nth(1).click()]);
    const left = (page) =>
      page.waitForFunction(() => document.querySelector("#left").textContent === "1 of 2 to do");
    await Promise.all([first, second].map(left));
    const done = (page) => page.locator("li").evaluateAll((all) => all.map((one) => one.className).join());
    check(
      (await done(first)) === ",done" && (await done(second)) === ",done",
      "both changes are in both tabs",
    );
  });
  return { parts: { checks: { passed, failed: failures.length, milliseconds: 0 } }, failures };
}
