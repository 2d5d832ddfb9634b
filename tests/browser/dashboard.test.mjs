// What an operator does with the dashboard, in Chromium, against the Worker on workerd with a local D1.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before, describe, it } from "node:test";

import { decimal, rounded } from "../../dashboard/money.js";
import { Person, otherSite, start } from "./harness.mjs";
import { data, sums } from "./reports_data.mjs";

const ADMIN = "/.well-known/stripe402/admin/";
const TOKEN = "an-admin-token-of-at-least-32-bytes!!";
const SECRET = "a-server-secret-of-at-least-32-bytes!!";
const usd = (units) => rounded(units, "usd");

// A client that is known before it has paid: its ids are derived from the card's fingerprint.
function clientOf(fingerprint) {
  const clientId = createHmac("sha256", SECRET).update(fingerprint).digest("hex");
  const account = createHash("sha256").update(`stripe402 account ${clientId}`).digest("hex");
  return { method: `pm_${fingerprint}`, fingerprint, clientId, account };
}
const ada = clientOf("dashboardAda");
const all = data(Date.now(), ada.account);

let paywall;
let bare;
before(async () => {
  // Nothing that clients pay here is handed over meanwhile: the sums of the overview are those of the data.
  const vars = { ADMIN_TOKEN: TOKEN, SERVER_SECRET: SECRET, REPORT_SECONDS: "3600" };
  [paywall, bare] = await Promise.all([start(vars, { reports: all.sql }), start(vars)]);
});
after(() => Promise.all([paywall?.stop(), bare?.stop()]));

const tests = [];
const operator = (name, options, does, at = () => paywall) =>
  tests.push([name, async () => {
    const one = await Person.at(at(), options);
    await does(one, one.page);
    await one.leaves();
  }]);

const logIn = async (me) => {
  await me.open(ADMIN);
  await me.page.getByLabel("Admin token").fill(TOKEN);
  await me.page.getByRole("button", { name: "Log in" }).click();
  await me.page.getByRole("heading", { name: "Overview" }).waitFor();
  await isRead(me);
};
// Nothing of the overview is still on its way: what a test does next meets a page at rest.
const isRead = (me) => me.page.locator("#reports:not([aria-busy])").waitFor({ state: "attached" });
const table = (me, name) => me.page.getByRole("region", { name, exact: true });
const figure = (me, name) => me.page.locator("#figures > div").filter({ has: me.page.getByText(name, { exact: true }) }).locator("b");
const column = (me, name, nth) => table(me, name).locator(`tbody td:nth-child(${nth})`).allInnerTexts();

// Pays for a joke with a card of its own: 49,900 units are left.
async function pays(who, at = paywall) {
  const made = await fetch(`${at.stripe}/_testbed/payment_methods`, {
    method: "POST",
    body: JSON.stringify({ id: who.method, fingerprint: who.fingerprint }),
  });
  assert.equal(made.status, 200, await made.text());
  const payment = Buffer.from(JSON.stringify({ stripe402Version: 1, paymentMethodId: who.method })).toString("base64");
  const answer = await fetch(`${at.url}/api/joke`, { headers: { payment } });
  assert.equal(answer.status, 200, await answer.text());
}
const asks = async (path, at = paywall) => {
  const answer = await fetch(`${at.url}${ADMIN}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  assert.equal(answer.status, 200, path);
  return answer.json();
};

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
  await pays(clientOf("dashboardVictim"));
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
  assert.equal((await asks(`clients/${account}`)).frozen, false);
  await page.reload();
  await page.getByText("As of").waitFor();
});

const viewports = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
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

for (const [device, viewport] of Object.entries(viewports)) {
  operator(`a client is found by what it sends, and acted on once (${device})`, { viewport, colorScheme: device === "phone" ? "dark" : "light" }, async (me, page) => {
    me.meant = ["404"];
    const who = device === "phone" ? clientOf("dashboardPhone") : ada;
    await pays(who);
    await logIn(me);
    await page.getByRole("searchbox", { name: "Client id or account id" }).fill(who.clientId);
    await page.getByRole("button", { name: "Find client" }).click();
    const heading = page.getByRole("heading", { name: /^Client / });
    await heading.waitFor();
    assert.ok(page.url().endsWith(`#/client/${who.account}`), "the account stands in the address");
    assert.ok(!(await page.content()).includes(who.clientId), "the client id, which spends, stands nowhere");
    await page.locator(".balances").getByText("$4.99").waitFor();
    assert.deepEqual((await column(me, "Transactions", 4)), ["-$0.01", "+$5.00"]);
    await me.isAccessible("a client");

    // A gift: an amount that is none is refused, the words say what will happen, two clicks are one act.
    await page.getByRole("button", { name: "Adjust the balance…" }).click();
    const dialog = page.getByRole("dialog", { name: "Adjust the balance" });
    await dialog.getByLabel("Amount").fill("1,000");
    await dialog.getByLabel("Who are you?").fill("Ada");
    await dialog.getByLabel("Why?").fill("=ticket 815");
    await dialog.getByRole("button", { name: "Go on" }).click();
    await dialog.getByRole("alert").filter({ hasText: "with a point and without separators" }).waitFor();
    await me.shot(`dashboard-adjust-${device}`);
    await me.isAccessible("the form of an act");
    await dialog.getByLabel("Amount").fill("12.5");
    await dialog.getByRole("button", { name: "Go on" }).click();
    await dialog.getByText("Adds $12.50 to this client's credits. The balance changes from $4.99 to $17.49.").waitFor();
    await me.shot(`dashboard-confirm-${device}`);
    await me.isAccessible("the words before an act");
    await dialog.getByRole("button", { name: "Change the balance" }).dblclick();
    await page.locator(".balances").getByText("$17.49").waitFor();
    await page.getByText("The balance was changed.").waitFor();
    await table(me, "What operators did").getByText("=ticket 815").waitFor();
    const { acts } = await asks(`clients/${who.account}/acts`);
    assert.deepEqual(acts.map(({ act, by, reason, amount }) => [act, by, reason, amount]), [["adjust", "Ada", "=ticket 815", 125_000]]);
    assert.equal((await column(me, "Transactions", 4))[0], "+$12.50");
    const saved = await me.saves(() => page.getByRole("button", { name: /CSV of Transactions/ }).click());
    assert.ok(saved.text.includes("12.5,17.49,USD,Ada: =ticket 815"), saved.text);

    // Frozen and not.
    await page.getByRole("button", { name: "Freeze…" }).click();
    assert.equal(await page.getByLabel("Who are you?").inputValue(), "Ada", "it is remembered");
    await page.getByLabel("Why?").fill("it asked for too much");
    await page.keyboard.press("Enter");
    await page.getByText("From now on this client is served nothing and charged nothing.").waitFor();
    await page.getByRole("button", { name: "Freeze", exact: true }).click();
    await page.locator(".tag").getByText("Frozen").waitFor();
    assert.equal((await asks(`clients/${who.account}`)).frozen, true);
    await me.shot(`dashboard-client-${device}`);
    await me.isAccessible("a frozen client");
    await page.getByRole("button", { name: "Unfreeze…" }).click();
    await page.getByLabel("Why?").fill("a mistake");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Unfreeze", exact: true }).click();
    await page.locator(".tag").getByText("Frozen").waitFor({ state: "detached" });

    // Seen, and left without a trace.
    await page.getByRole("button", { name: "Audit" }).click();
    await page.getByText("The books add up.").waitFor();
    const exported = await me.saves(() => page.getByRole("button", { name: "Export" }).click());
    assert.equal(JSON.parse(exported.text).account, who.account);
    await page.getByRole("button", { name: "Erase…" }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    assert.equal((await asks(`clients/${who.account}/acts`)).acts.length, 3);

    // By what the log tells of it, where the reports know it.
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByRole("searchbox").fill(who.account.slice(0, 12));
    await page.keyboard.press("Enter");
    if (who === ada) await heading.waitFor();
    else await page.getByText("No account in the reports begins so.").waitFor();
  });
}

// Without reports: with them, they have to have all of a client before it is erased.
operator("unused credits go back to the card, what cannot be done is told, and an erased client is gone", {}, async (me, page) => {
  me.meant = ["409", "404"];
  const who = clientOf("dashboardRefund");
  await pays(who, bare);
  await logIn(me);
  await page.goto(`${bare.url}${ADMIN}#/client/${who.account}`);
  const act = async (name, go, words) => {
    await page.getByRole("button", { name: `${name}…` }).click();
    await page.getByLabel("Who are you?").fill("Ada");
    await page.getByLabel("Why?").fill("the client asked");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByText(words).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: go }).click();
  };
  await act("Erase", "Erase for ever", "It cannot be undone.");
  await page.getByRole("dialog").getByRole("alert").filter({ hasText: /balance/ }).waitFor();
  await me.shot("dashboard-refused");
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();

  await act("Refund unused credits", "Refund", "Gives all unused credits, $4.99, back to the cards");
  await page.locator(".balances").getByText("$0.00").waitFor();
  await page.getByText("The credits were taken, and Stripe is asked to refund them.").waitFor();
  for (let tries = 0; (await asks(`clients/${who.account}`, bare)).refunds.length > 0; tries++) {
    assert.ok(tries < 100, "the refund is made");
    await new Promise((done) => setTimeout(done, 100));
  }
  const refunds = (await (await fetch(`${bare.stripe}/_testbed/state`)).json()).refunds.filter(({ amount }) => amount === 499);
  assert.equal(refunds.length, 1);
  await act("Erase", "Erase for ever", "It cannot be undone.");
  await page.getByText(/Client .* was erased\./).waitFor();
  await page.goto(`${bare.url}${ADMIN}#/client/${who.account}`);
  await page.getByText("There is no such client").waitFor();
}, () => bare);

operator("an act whose answer is lost is done once, and told as unsure where it is left", {}, async (me, page) => {
  const who = clientOf("dashboardLost");
  await pays(who);
  await logIn(me);
  await page.goto(`${paywall.url}${ADMIN}#/client/${who.account}`);
  const adjust = async (amount) => {
    await page.getByRole("button", { name: "Adjust the balance…" }).click();
    await page.getByLabel("Amount").fill(amount);
    await page.getByLabel("Who are you?").fill("Ada");
    await page.getByLabel("Why?").fill("a gift");
    await page.getByRole("button", { name: "Go on" }).click();
  };
  const losesAnswer = () => page.route("**/adjust", async (route) => {
    const request = route.request();
    const headers = { authorization: `Bearer ${TOKEN}`, "idempotency-key": request.headers()["idempotency-key"] };
    const answer = await fetch(request.url(), { method: "POST", headers, body: request.postData() });
    assert.equal(answer.status, 200, "it is done");
    await route.abort();
  }, { times: 1 });
  await adjust("1");
  await losesAnswer();
  await page.getByRole("button", { name: "Change the balance" }).click();
  await page.getByRole("alert").filter({ hasText: "Sending it again from here does it once." }).waitFor();
  await page.getByRole("button", { name: "Change the balance" }).click();
  await page.locator(".balances").getByText("$5.99").waitFor();
  await adjust("2");
  await losesAnswer();
  await page.getByRole("button", { name: "Change the balance" }).click();
  await page.getByRole("alert").filter({ hasText: "Sending it again from here does it once." }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("It is not known whether that was done.").waitFor();
  await page.locator(".balances").getByText("$7.99").waitFor();
  const { acts } = await asks(`clients/${who.account}/acts`);
  assert.deepEqual(acts.map(({ amount }) => amount), [20_000, 10_000]);
  me.wrong = me.wrong.filter((text) => !/ERR_FAILED/.test(text)); // the answers that were lost
});

operator("more transactions than a page holds come page by page", {}, async (me, page) => {
  const who = clientOf("dashboardPages");
  await pays(who);
  const payment = Buffer.from(JSON.stringify({ stripe402Version: 1, clientId: who.clientId })).toString("base64");
  await Promise.all(Array.from({ length: 60 }, () => fetch(`${paywall.url}/api/joke`, { headers: { payment } })));
  await logIn(me);
  await page.goto(`${paywall.url}${ADMIN}#/client/${who.account}`);
  await page.getByRole("button", { name: "Show all 50" }).click();
  await page.getByRole("button", { name: "Load older ones" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#client table")[0].tBodies[0].rows.length === 62);
  assert.equal(await page.getByRole("button", { name: "Load older ones" }).isVisible(), false);
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
