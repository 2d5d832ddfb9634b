// What an operator does with the dashboard, in Chromium, against the Worker on workerd with a local D1.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { decimal, rounded } from "../../dashboard/money.js";
import { otherSite, start } from "./harness.mjs";
import { ADMIN, TOKEN, ada, asks, clientOf, column, isRead, logIn, operators, pays, table, usd, vars, viewports } from "./operator.mjs";
import { data, sums } from "./reports_data.mjs";

const all = data(Date.now(), ada.account);

let paywall;
let bare;
before(async () => {
  [paywall, bare] = await Promise.all([start(vars, { reports: all.sql }), start(vars)]);
});
after(() => Promise.all([paywall?.stop(), bare?.stop()]));

const tests = [];
const operator = operators(tests, () => paywall);
const figure = (me, name) => me.page.locator("#figures > div").filter({ has: me.page.getByText(name, { exact: true }) }).locator("b");

operator("whoever has the token gets in, stays in for twelve hours, and gets out again", {}, async (me, page) => {
  me.meant = ["401"];
  const answer = await me.open(ADMIN.slice(0, -1));
  assert.equal(page.url(), paywall.url + ADMIN, "the address without the slash leads to the page");
  assert.match(answer.headers()["content-security-policy"], /default-src 'none'.*frame-ancestors 'none'/);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await me.shot("dashboard-login");
  await me.isAccessible("the log-in form");
  await page.getByLabel("Admin token").fill("not the token");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "That is not the token of this deployment." }).waitFor();
  assert.deepEqual(await me.context.cookies(), []);

  await logIn(me);
  const [cookie, ...others] = await me.context.cookies();
  assert.deepEqual(others, []);
  assert.deepEqual(
    [cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path],
    ["__Host-stripe402-admin", true, true, "Strict", "/"],
  );
  assert.ok(Math.abs(cookie.expires - Date.now() / 1000 - 12 * 3600) < 60, "for twelve hours");
  assert.equal(await page.evaluate(() => document.cookie), "", "no script sees it");
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage }))).includes(TOKEN));
  await page.reload();
  await page.getByText("As of").waitFor();

  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.deepEqual(await me.context.cookies(), []);
  assert.equal(await page.evaluate(async (path) => (await fetch(path)).status, `${ADMIN}reports/summary`), 401);
});

operator("a session that is over leads to the log-in form", {}, async (me, page) => {
  me.meant = ["401"];
  await logIn(me);
  await me.context.clearCookies();
  await page.getByRole("radio", { name: "7 days" }).check();
  await page.getByText("You are not logged in any more.").waitFor();
});

operator("a page of another site, or of a sibling host, can do nothing with a session", {}, async (me, page) => {
  await pays(clientOf("dashboardVictim"), paywall);
  await logIn(me);
  const { account } = clientOf("dashboardVictim");
  const acts = `${paywall.url}${ADMIN}clients/${account}`;
  const form = `<form method="post" enctype="text/plain" action="${acts}/freeze"><input name='{"by":"e","reason":"' value='"}'><button>Go</button></form>`;
  for (const host of ["127.0.0.1", "localhost"]) {
    me.meant = ["401", "403"];
    const other = await otherSite(host, form);
    const evil = await me.context.newPage();
    await evil.goto(other.url);
    const sent = await evil.evaluate(async ([acts, admin, token]) => {
      const asks = (url, options) => fetch(url, { mode: "no-cors", credentials: "include", ...options }).then(({ type }) => type);
      return Promise.all([
        asks(`${acts}/freeze`, { method: "POST", body: '{"by":"e","reason":"e"}' }),
        asks(`${acts}/export`),
        asks(`${admin}session`, { method: "POST", body: JSON.stringify({ token }) }),
      ]);
    }, [acts, paywall.url + ADMIN, "a wrong token that would hold the operator back"]);
    assert.deepEqual(sent, ["opaque", "opaque", "opaque"], "nothing of it can be read");
    await evil.getByRole("button", { name: "Go" }).click();
    await evil.waitForURL(`${acts}/freeze`);
    assert.match(await evil.locator("body").innerText(), /Unauthorized/);
    // The page in a frame is refused by its own policy, which stands in the console.
    await evil.close();
    other.stop();
  }
  assert.equal((await asks(`clients/${account}`, paywall)).frozen, false);
  await page.reload();
  await page.getByText("As of").waitFor();
});

for (const [device, viewport] of Object.entries(viewports)) {
  for (const colorScheme of ["light", "dark"]) {
    operator(`the overview tells what the accounts handed over (${device}, ${colorScheme})`, { viewport, colorScheme }, async (me, page) => {
      await logIn(me);
      await page.getByText("As of").waitFor();
      for (const [days, choice] of [[90, "90 days"], [7, "7 days"], [1, "Today"], [30, "30 days"]]) {
        const told = page.waitForResponse(/reports\/declines/);
        await page.getByRole("radio", { name: choice }).check();
        await told;
        const sum = sums(all, days);
        await isRead(me);
        assert.deepEqual(
          await Promise.all(["Earned", "Requests", "Top-ups", "Refunds", "Disputed", "Outstanding credits", "Clients", "Declines"].map((name) => figure(me, name).innerText())),
          [
            usd(sum.revenue), sum.requests.toLocaleString("en"), usd(sum.topUps), usd(sum.refunded), usd(sum.disputed),
            usd(sum.outstanding), String(sum.clients), String(sum.declines),
          ],
          `${days} days`,
        );
      }
      // Something is drawn on both canvases, and none of it moves the page.
      const inks = await page.evaluate(() => [...document.querySelectorAll("canvas")].map((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, at) => at % 4 === 3 && value > 0).length;
      }));
      assert.ok(inks.length === 2 && inks.every((ink) => ink > 3000), String(inks));
      assert.match(await page.getByRole("img").first().getAttribute("aria-label"), /^Revenue and requests\. Revenue: \$/);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing hangs over the edge");
      await me.shot(`dashboard-${device}-${colorScheme}`);
      await me.isAccessible(`the overview, ${device}, ${colorScheme}`);
    });
  }
}

operator("nothing moves while the overview is filled", {}, async (me, page) => {
  await page.addInitScript(() => {
    window.moved = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  await logIn(me);
  await page.getByText("As of").waitFor();
  await page.reload();
  await page.getByText("As of").waitFor();
  await page.waitForTimeout(300);
  assert.ok((await page.evaluate(() => window.moved)) < 0.02, String(await page.evaluate(() => window.moved)));
});

operator("tables are sorted by click and by key, and exported without formulas", {}, async (me, page) => {
  await logIn(me);
  await page.getByRole("radio", { name: "90 days" }).check();
  await table(me, "Routes").getByText("GET /api/joke").first().waitFor();
  await isRead(me);
  const { byRoute } = sums(all, 90);
  const expected = [...byRoute].sort((one, other) => other[1] - one[1]);
  await page.getByRole("button", { name: `Show all ${byRoute.size}` }).first().click();
  assert.deepEqual(await column(me, "Routes", 1), expected.map(([route]) => route));
  assert.deepEqual(await column(me, "Routes", 2), expected.map(([, units]) => usd(units)));
  assert.equal(await page.locator("img").count(), 0, "what looks like HTML is text");

  const head = table(me, "Routes").getByRole("columnheader", { name: "Revenue" });
  await head.getByRole("button").focus();
  await page.keyboard.press("Enter");
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  await page.keyboard.press("Space");
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  assert.deepEqual(await column(me, "Routes", 2), expected.map(([, units]) => usd(units)).reverse());
  await table(me, "Routes").getByRole("button", { name: "Route" }).click();
  assert.equal(await head.getAttribute("aria-sort"), null);
  assert.equal((await column(me, "Routes", 1))[0], '=HYPERLINK("http://evil.example")');

  const { name, text } = await me.saves(() => page.getByRole("button", { name: "CSV of Routes" }).click());
  assert.match(name, /^routes-\d{4}-\d\d-\d\d\.csv$/);
  const lines = text.split("\r\n");
  assert.equal(lines[0], "Route,Revenue,Requests,Given back,Clients");
  assert.ok(lines[1].startsWith(`"'=HYPERLINK(""http://evil.example"")",`), lines[1]);
  assert.equal(lines.length, byRoute.size + 2);
  assert.ok(text.includes(`GET /api/joke,${decimal(byRoute.get("GET /api/joke"))},`));
  await me.shot("dashboard-sorted");
});

operator("another currency has its own figures", {}, async (me, page) => {
  await logIn(me);
  await page.getByLabel("Currency").selectOption("jpy");
  const sum = sums(all, 30, "jpy");
  assert.deepEqual([sum.revenue, sum.topUps], [1_000_000, 5_000_000]);
  await figure(me, "Earned").filter({ hasText: /^¥100$/ }).waitFor();
  assert.equal(await figure(me, "Top-ups").innerText(), "¥500");
  assert.equal(await figure(me, "Outstanding credits").innerText(), rounded(sum.outstanding, "jpy"));
  await me.shot("dashboard-yen");
});

operator("without REPORTS the page says how to bind it, and clients are found all the same", {}, async (me, page) => {
  me.meant = ["404"];
  await pays(ada, bare);
  await logIn(me);
  await page.getByRole("heading", { name: "Reports are switched off" }).waitFor();
  await page.getByText('binding = "REPORTS"').waitFor();
  await me.shot("dashboard-unbound");
  await me.isAccessible("how to bind reports");
  await page.getByRole("searchbox").fill(ada.account);
  await page.keyboard.press("Enter");
  await page.locator(".balances").getByText("$4.99").waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByRole("searchbox").fill("nobody");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "64 characters" }).waitFor();
  await page.getByRole("searchbox").fill(ada.account.slice(0, 12));
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "which are switched off here" }).waitFor();
}, () => bare);

// Several at once: each has a browser of its own, and clients of its own.
describe("the dashboard", { concurrency: 3 }, () => {
  for (const [name, does] of tests) it(name, does);
});
