// What an operator does to one client in the dashboard, in Chromium, against the Worker on workerd.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { start } from "./harness.mjs";
import { ADMIN, TOKEN, ada, asks, clientOf, column, logIn, operators, pays, table, vars, viewports } from "./operator.mjs";
import { data } from "./reports_data.mjs";

let paywall;
let bare;
before(async () => {
  [paywall, bare] = await Promise.all([start(vars, { reports: data(Date.now(), ada.account).sql }), start(vars)]);
});
after(() => Promise.all([paywall?.stop(), bare?.stop()]));

const tests = [];
const operator = operators(tests, () => paywall);

for (const [device, viewport] of Object.entries(viewports)) {
  operator(`a client is found by what it sends, and acted on once (${device})`, { viewport, colorScheme: device === "phone" ? "dark" : "light" }, async (me, page) => {
    me.meant = ["404"];
    const who = device === "phone" ? clientOf("dashboardPhone") : ada;
    await pays(who, paywall);
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
    const { acts } = await asks(`clients/${who.account}/acts`, paywall);
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
    assert.equal((await asks(`clients/${who.account}`, paywall)).frozen, true);
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
    assert.equal((await asks(`clients/${who.account}/acts`, paywall)).acts.length, 3);

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
  await pays(who, paywall);
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
  const { acts } = await asks(`clients/${who.account}/acts`, paywall);
  assert.deepEqual(acts.map(({ amount }) => amount), [20_000, 10_000]);
  me.wrong = me.wrong.filter((text) => !/ERR_FAILED/.test(text)); // the answers that were lost
});

operator("what fails after its view was left is told nowhere", {}, async (me, page) => {
  me.meant = ["503"];
  const who = clientOf("dashboardLeft");
  await pays(who, paywall);
  await logIn(me);
  let fails;
  const left = new Promise((done) => (fails = done));
  await page.route("**/reports/credits*", async (route) => {
    await left;
    await route.fulfill({ status: 503, json: {} }).catch(() => {}); // which nobody waits for any more
  }, { times: 1 });
  await page.getByRole("radio", { name: "7 days" }).check();
  await page.goto(`${paywall.url}${ADMIN}#/client/${who.account}`);
  await page.locator(".balances").getByText("$4.99").waitFor();
  fails();
  await page.waitForTimeout(300);
  assert.equal(await page.locator("#say").isVisible(), false);
});

operator("more transactions than a page holds come page by page", {}, async (me, page) => {
  const who = clientOf("dashboardPages");
  await pays(who, paywall);
  const payment = Buffer.from(JSON.stringify({ stripe402Version: 1, clientId: who.clientId })).toString("base64");
  await Promise.all(Array.from({ length: 60 }, () => fetch(`${paywall.url}/api/joke`, { headers: { payment } })));
  await logIn(me);
  await page.goto(`${paywall.url}${ADMIN}#/client/${who.account}`);
  await page.getByRole("button", { name: "Show all 50" }).click();
  await page.getByRole("button", { name: "Load older ones" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#client table")[0].tBodies[0].rows.length === 62);
  assert.equal(await page.getByRole("button", { name: "Load older ones" }).isVisible(), false);
});

// Several at once: each has a browser of its own, and clients of its own.
describe("a client in the dashboard", { concurrency: 3 }, () => {
  for (const [name, does] of tests) it(name, does);
});
