// What people do with the paywall, in Chromium, against the Worker on workerd and the testbed's Stripe and origin.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { charges, otherSite, persons, reached, start } from "./harness.mjs";

let paywall;
before(async () => {
  paywall = await start();
});
after(() => paywall?.stop());

const person = persons(() => paywall);

person("somebody pays by card, reads the joke, and opens the weather without paying again", {}, async (me, { paidMore }) => {
  const answer = await me.open("/api/joke");
  assert.equal(answer.status(), 402);
  const headers = answer.headers();
  assert.ok(headers["payment-required"], "programs read the header as ever");
  assert.match(headers["content-type"], /^text\/html/);
  assert.match(headers.vary, /accept/);
  assert.equal(headers["cache-control"], "no-store");
  assert.match(headers["content-security-policy"], /frame-ancestors 'none'/);
  await me.page.getByRole("heading", { name: "Random joke" }).waitFor();
  await me.page.getByText("Every time you open this page, reloading it too, takes $0.01").waitFor();
  await me.shot("paywall-light");
  await me.isAccessible("the paywall");

  await me.page.getByRole("radio", { name: "$10.00" }).check();
  assert.equal(await me.page.locator("#submit").innerText(), "Pay $10.00");
  await me.page.getByLabel("E-mail for a receipt").fill("ada@example.com");
  await me.pays();
  await me.reads("joke");
  assert.equal(await paidMore(), 1);
  const [charge] = (await charges(paywall)).slice(-1);
  assert.deepEqual([charge.amount, charge.currency, charge.receipt_email], [1000, "usd", "ada@example.com"]);

  const before = (await reached(paywall)).length;
  assert.equal((await me.open("/api/weather")).status(), 200);
  await me.reads("Lisbon");
  await me.page.reload();
  await me.reads("Lisbon");
  assert.equal(await paidMore(), 1, "the card was charged once");
  const seen = (await reached(paywall)).slice(before);
  assert.equal(seen.length, 2);
  const secret = seen.flatMap(({ headers }) => headers).filter(([name, value]) => /^cookie|^sec-.*stripe|^payment/.test(name) || /__host-stripe402/i.test(value));
  assert.deepEqual(secret, [], "the origin sees nothing of our cookies");
  const { balances, entries, clientId } = await me.statement();
  assert.deepEqual(balances, [{ balance: 100_000 - 100 - 2 * 500, currency: "usd" }]);
  assert.deepEqual(entries.map(({ type, amount }) => [type, amount]), [
    ["deduction", 500], ["deduction", 500], ["deduction", 100], ["topup", 100_000],
  ]);
  assert.equal(clientId, "", "the cookie's secret is not told to pages");
  const cookies = await me.context.cookies();
  const ours = cookies.find(({ name }) => name === "__Host-stripe402");
  assert.deepEqual([ours.httpOnly, ours.secure, ours.sameSite, ours.path], [true, true, "Strict", "/"]);
  assert.ok(!cookies.some(({ name }) => name.includes("try")), "what was only tried is gone");
});

person("a declined card is told in plain words, and another one pays", {}, async (me, { paidMore }) => {
  await me.open("/api/joke");
  await me.pays("4000 0000 0000 0341");
  await me.page.getByRole("alert").filter({ hasText: "Your card was declined." }).waitFor();
  assert.equal(await me.page.locator("#submit").innerText(), "Pay $5.00");
  await me.shot("declined");
  await me.isAccessible("a declined card");
  await me.pays("4242 4242 4242 4241");
  await me.page.getByRole("alert").filter({ hasText: "Your card number is invalid." }).first().waitFor();
  assert.equal(await paidMore(), 0);
  await me.pays("5555 5555 5555 4444");
  await me.reads("joke");
  assert.equal(await paidMore(), 1);
});

person("the bank asks: passed, it is paid once; failed, nothing is charged and the next try may pass", {}, async (me, { paidMore }) => {
  await me.open("/api/joke");
  await me.pays("4000 0027 6000 3184");
  await me.page.getByRole("dialog").waitFor();
  assert.equal(await me.page.locator("#submit").innerText(), "Waiting for your bank…");
  await me.shot("bank");
  await me.page.getByRole("button", { name: "Fail" }).click();
  await me.page.getByText("Your bank did not confirm the payment. Nothing was charged.").waitFor();
  assert.equal(await paidMore(), 0);
  await me.page.locator("#submit").click();
  await me.page.getByRole("button", { name: "Complete" }).click();
  await me.reads("joke");
  assert.equal(await paidMore(), 1);
});

person("credits run out, the page says what is left, and more can be added", {}, async (me, { paidMore }) => {
  await me.open("/echo");
  assert.equal(await me.page.getByLabel("Ask me before a page costs more than").inputValue(), "30.00");
  await me.pays("6011 1111 1111 1117");
  await me.reads("GET");
  assert.equal((await me.open("/echo")).status(), 402);
  await me.page.getByText("You have $2.00 in credits: not enough for this.").waitFor();
  await me.shot("run-out");
  await me.page.getByLabel("Other amount in USD").fill("12,5");
  await me.page.getByText("4 requests like this one").waitFor();
  assert.equal(await me.page.locator("#submit").innerText(), "Pay $12.50");
  await me.shot("other-amount");
  await me.pays("6011 1111 1111 1117");
  await me.reads("GET");
  assert.equal(await paidMore(), 2);
  assert.equal((await me.statement()).balances[0].balance, 50_000 - 30_000 + 125_000 - 30_000);
});

person("an amount that cannot be paid is refused before the card is asked", {}, async (me, { paidMore }) => {
  await me.open("/api/joke");
  for (const amount of ["4.99", "100.01", "x", "-5", ""]) {
    await me.page.getByLabel("Other amount in USD").fill(amount);
    await me.types();
    await me.page.locator("#submit").click();
    await me.page.getByRole("alert").filter({ hasText: "Choose an amount from $5.00 to $100.00." }).waitFor();
  }
  assert.equal(await paidMore(), 0);
});

person("what costs more than the person allows is asked for first", {}, async (me, { paidMore }) => {
  await me.open("/api/joke");
  await me.page.getByLabel("Ask me before a page costs more than").fill("0.02");
  await me.page.getByRole("radio", { name: "$20.00" }).check();
  await me.pays("3782 822463 10005");
  await me.reads("joke");
  assert.equal((await me.open("/api/weather")).status(), 402);
  await me.page.getByText("This costs more than you allow without asking.").waitFor();
  await me.page.getByRole("button", { name: "Open for $0.05" }).waitFor();
  await me.shot("asks");
  await me.isAccessible("the page that asks");
  await me.page.getByRole("button", { name: "Open for $0.05" }).click();
  await me.reads("Lisbon");
  assert.equal((await me.open("/api/joke")).status(), 200, "what is cheaper is opened at once");
  assert.equal(await paidMore(), 1);
});

person("an unreadable limit is refused before paying, and a browser that forgot its limit asks", {}, async (me, { paidMore }) => {
  await me.open("/api/joke");
  const limit = me.page.getByLabel("Ask me before a page costs more than");
  const unread = me.page.getByRole("alert").filter({ hasText: "a plain number here, like 0.50" });
  for (const text of ["$0.50", "0.50 USD", "-1"]) {
    await limit.fill(text);
    await me.pays("4000 0000 0000 0077");
    await unread.waitFor();
  }
  await me.shot("unreadable-limit");
  await me.isAccessible("an unreadable limit");
  assert.equal(await paidMore(), 0);
  await limit.fill("0,02");
  await me.page.locator("#submit").click();
  await me.reads("joke");
  assert.equal(await paidMore(), 1);
  // As WebKit does with what scripts have set, after a week; and with the agreement, which is for seconds.
  await me.context.clearCookies({ name: /limit|agreed/ });
  for (const path of ["/api/joke", "/api/weather"]) assert.equal((await me.open(path)).status(), 402, path);
  await me.page.getByText("You have $4.99 in credits.").waitFor();
  await limit.fill("x");
  await me.page.getByRole("button", { name: "Open for $0.05" }).click();
  await unread.waitFor();
  await limit.fill("0.02");
  await me.page.getByRole("button", { name: "Open for $0.05" }).click();
  await me.reads("Lisbon");
  assert.equal((await me.open("/api/joke")).status(), 200);
  assert.equal((await me.statement()).balances[0].balance, 50_000 - 100 - 500 - 100);
});

person("the account shows balance, statement and chart, exports them, and forgets", {}, async (me) => {
  await me.open("/.well-known/stripe402/account");
  await me.page.getByText("This browser has no credits here.").waitFor();
  await me.open("/api/weather");
  await me.pays("3566 0020 2036 0505");
  await me.reads("Lisbon");
  for (let visits = 0; visits < 28; visits++) await me.open(visits % 3 ? "/api/joke" : "/api/weather");
  await me.open("/.well-known/stripe402/account");
  await me.page.getByText("$4.27").first().waitFor();
  await me.page.getByRole("img", { name: /Spending by day: \$0\.73 in 30 days/ }).waitFor();
  assert.equal(await me.page.locator("tbody tr").count(), 25);
  await me.page.getByRole("button", { name: "Show more" }).click();
  assert.equal(await me.page.locator("tbody tr").count(), 30);
  await me.shot("account-light");
  await me.isAccessible("the account");
  const [download] = await Promise.all([
    me.page.waitForEvent("download"),
    me.page.getByRole("button", { name: "Export as CSV" }).click(),
  ]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().trim().split("\r\n");
  assert.equal(lines.length, 31);
  assert.equal(lines[0], "date,type,about,amount,currency,balance,id");
  assert.match(lines[1], /^\d{4}-.*Z,deduction,GET \/api\/(joke|weather),-0\.0[15],usd,4\.27,usd-30$/);
  assert.match(lines[30], /,topup,pi_\w+,5,usd,5,usd-1$/);
  await me.page.getByRole("button", { name: "Forget me on this device" }).click();
  await me.page.getByText("Forgotten.").waitFor();
  assert.deepEqual((await me.context.cookies()).filter(({ name }) => name.includes("stripe402")), []);
  assert.equal((await me.open("/api/joke")).status(), 402);
  // The credits are the card's: with it they are there again.
  await me.pays("3566 0020 2036 0505");
  await me.reads("joke");
  assert.equal((await me.statement()).balances[0].balance, 42_700 + 50_000 - 100);
});

person("it fits a small screen, in the dark", { viewport: { width: 360, height: 740 }, colorScheme: "dark", deviceScaleFactor: 2 }, async (me) => {
  await me.open("/api/joke");
  await me.page.getByLabel("Card number").waitFor();
  const wide = () => me.page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(await wide(), 360, "nothing is cut off");
  await me.shot("paywall-dark-360");
  await me.isAccessible("the paywall in the dark");
  await me.page.getByText("Use it from a program").click();
  assert.equal(await wide(), 360);
  await me.shot("paywall-dark-360-program");
  await me.pays("4000 0566 5566 5556");
  await me.reads("joke");
  await me.open("/.well-known/stripe402/account");
  await me.page.getByText("$4.99").first().waitFor();
  assert.equal(await wide(), 360);
  await me.shot("account-dark-360");
  await me.isAccessible("the account in the dark");
});

person("a keyboard is enough", {}, async (me) => {
  await me.open("/api/joke");
  await me.page.getByLabel("Card number").waitFor();
  const focused = () => me.page.evaluate(() => document.activeElement.name || document.activeElement.id || document.activeElement.tagName);
  const seen = [];
  for (let presses = 0; presses < 8; presses++) {
    await me.page.keyboard.press("Tab");
    seen.push(await focused());
    const text = { number: "4000056655665556", expiry: "1234", cvc: "123" }[seen.at(-1)];
    if (text) await me.page.keyboard.type(text);
    if (seen.at(-1) === "amount") await me.page.keyboard.press("ArrowDown");
    if (seen.at(-1) === "submit") break;
  }
  assert.deepEqual(seen, ["amount", "other", "number", "expiry", "cvc", "email", "submit"]);
  assert.equal(await me.page.locator("#submit").innerText(), "Pay $10.00");
  await me.shot("keyboard");
  await me.page.keyboard.press("Enter");
  await me.reads("joke");
});

person("what is not a GET says how to call it, and what a route switches off stays JSON", {}, async (me) => {
  const other = await otherSite("localhost", `<form method="post" action="${paywall.url}/echo"><button>Go</button></form>`);
  await me.page.goto(other.url);
  await me.page.getByRole("button", { name: "Go" }).click();
  await me.page.getByText("How to call it").waitFor();
  await me.page.getByText("curl -X POST").waitFor();
  assert.equal(await me.page.locator("form").count(), 0);
  await me.shot("not-a-get");
  await me.isAccessible("what is not a GET");
  other.stop();
  const answer = await me.open("/slow");
  assert.deepEqual([answer.status(), answer.headers()["content-type"]], [402, "application/json"]);
});

person("other currencies and odd words are shown as they are", {}, async (me, { paidMore }) => {
  await me.open("/gzip");
  await me.page.getByRole("heading", { name: "日本語のレポート <b>&amp;</b>" }).waitFor();
  await me.shot("yen");
  await me.page.getByLabel("Other amount in JPY").fill("250");
  assert.equal(await me.page.locator("#submit").innerText(), "Pay ¥250");
  await me.pays("6200 0000 0000 0005");
  await me.page.waitForFunction(() => !document.getElementById("page"));
  assert.equal(await paidMore(), 1);
  const [charge] = (await charges(paywall)).slice(-1);
  assert.deepEqual([charge.amount, charge.currency], [250, "jpy"]);
});
