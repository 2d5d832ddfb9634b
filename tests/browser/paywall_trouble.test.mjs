// What goes wrong for people at the paywall, or is made to: answers that get lost, browsers without cookies, other sites.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Person, breaks, charges, otherSite, persons, reached, start } from "./harness.mjs";

let paywall;
before(async () => {
  paywall = await start();
});
after(() => paywall?.stop());

const person = persons(() => paywall);

person("a browser that keeps no cookies is told so, and no card is charged", {}, async (me, { paidMore }) => {
  // As Safari on plain http: what is Secure is dropped.
  await me.page.addInitScript(() => {
    const { get, set } = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
    const drops = function (text) {
      if (!/; *secure/i.test(text)) set.call(this, text);
    };
    Object.defineProperty(Document.prototype, "cookie", { get, set: drops, configurable: true });
  });
  await me.open("/api/joke");
  await me.page.getByRole("alert").filter({ hasText: /keeps no cookies for this site.*Nothing was charged\./ }).waitFor();
  assert.ok(await me.page.locator("#submit").isDisabled());
  await me.page.getByLabel("E-mail for a receipt").press("Enter");
  await me.shot("no-cookies");
  await me.isAccessible("a browser without cookies");
  assert.equal(await paidMore(), 0);
});

test("a path that looks like another site's address stays here when it is paid for", async () => {
  const everything = await start({ ROUTES: JSON.stringify({ "GET /*": { amount: 100 } }) });
  try {
    const other = await otherSite("127.0.0.1", "Elsewhere");
    const me = await Person.at(everything);
    me.meant = ["404"]; // of the demo origin
    const path = `//${new URL(other.url).host}/echo?a=1`;
    assert.equal((await me.open(path)).status(), 402);
    await me.pays();
    for (const how of ["paid", "agreed to"]) {
      await me.page.waitForFunction(() => !document.getElementById("page"));
      assert.equal(me.page.url(), everything.url + path, how);
      if (how === "agreed to") break;
      await me.context.clearCookies({ name: /limit|agreed/ });
      await me.open(path);
      await me.page.getByRole("button", { name: "Open for $0.01" }).click();
    }
    assert.equal((await charges(everything)).length, 1);
    await me.leaves();
    other.stop();
  } finally {
    await everything.stop();
  }
});

person("no other site can spend somebody's credits, not even a sibling", {}, async (me) => {
  await me.open("/api/joke");
  await me.pays("3056 9300 0902 0004");
  await me.reads("joke");
  const target = `${paywall.url}/api/joke`;
  const attack = `
    <img src="${target}?img"><iframe name="f" src="${target}?frame"></iframe>
    <form id="form" action="${target}" target="f"><input name="form" value="1"></form>
    <script>
      fetch("${target}?fetch", { mode: "no-cors", credentials: "include" }).catch(() => {});
      document.getElementById("form").submit();
      const link = document.createElement("link");
      Object.assign(link, { rel: "prefetch", href: "${target}?prefetch" });
      document.head.append(link);
      fetch("${paywall.url}/.well-known/stripe402/account/forget", { method: "POST", mode: "no-cors", credentials: "include" }).catch(() => {});
    </script>
    <a id="link" href="${target}?link">A joke</a>`;
  const before = (await reached(paywall)).length;
  // Another site, and a sibling: the same host at another port is the same site, and gets the cookie sent.
  for (const host of ["localhost", "127.0.0.1"]) {
    const other = await otherSite(host, attack);
    const page = await me.context.newPage();
    // What the attack itself leaves in the console of the attacker is not ours.
    const noise = me.wrong.length;
    await page.goto(other.url);
    await page.waitForLoadState("networkidle");
    await page.getByRole("link", { name: "A joke" }).click();
    await page.getByText("You have $4.99 in credits.").waitFor();
    assert.equal((await reached(paywall)).length, before, `nothing reached the origin from ${host}`);
    me.wrong.length = noise;
    other.stop();
    if (host === "localhost") {
      await page.screenshot({ path: "target/screenshots/come-back.png", fullPage: true });
      continue;
    }
    // The person themselves may go on from there, by a click.
    await page.getByRole("button", { name: "Open for $0.01" }).click();
    await page.getByText('"joke"').waitFor();
    assert.equal((await reached(paywall)).length, before + 1);
  }
  assert.equal((await me.statement()).balances[0].balance, 49_800);
});

person("an answer that gets lost on the way is asked for again, and charged once", {}, async (me, { paidMore }) => {
  await breaks(paywall, { match: "POST /v1/payment_intents", times: 1, kind: "drop_response", after_commit: true });
  await me.open("/api/joke");
  await me.page.route("**/top-up", (route) => route.abort(), { times: 1 });
  await me.pays("5200 8282 8282 8210");
  await me.reads("joke");
  assert.equal(await paidMore(), 1);
  me.wrong = me.wrong.filter((line) => !line.includes("net::ERR_FAILED"));
});

person("a payment that nobody confirmed is finished after the page was loaded again", {}, async (me, { paidMore }) => {
  await me.open("/api/joke");
  // The payment goes through, and its answer never comes back.
  await me.page.route("**/top-up", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await me.pays("5105 1051 0510 5100");
  await me.page.getByText("Still checking…").waitFor();
  await me.page.unrouteAll({ behavior: "ignoreErrors" });
  await me.open("/slow"); // anything else, before it could ask again
  await me.context.clearCookies(); // which came with the answer that never did
  await me.open("/api/joke");
  await me.page.getByRole("alert").filter({ hasText: "A payment from before was not confirmed." }).waitFor();
  await me.page.getByRole("button", { name: "Finish paying $5.00" }).click();
  await me.reads("joke");
  assert.equal(await paidMore(), 1);
  me.wrong = me.wrong.filter((line) => !line.includes("net::ERR_FAILED"));
});

person("too many tries of what may have been paid are no refusal, and it is charged once", {}, async (me, { paidMore }) => {
  const error = "Too many payments were tried. Try again later; this request charged nothing.";
  const refuse = (route) => route.fulfill({ status: 429, headers: { "retry-after": "1" }, json: { success: false, error } });
  let sent = 0;
  // The first goes through, and its answer is lost; so is the third.
  await me.page.route("**/top-up", async (route) => {
    sent += 1;
    if (sent === 1) await route.fetch();
    if (sent === 1 || sent === 3) return route.abort();
    return sent < 5 ? refuse(route) : route.continue();
  });
  await me.open("/api/joke");
  await me.pays("2223 0031 2200 3222");
  for (let waits = 0; sent < 3 && waits < 200; waits++) await me.page.waitForTimeout(100);
  assert.equal(sent, 3);
  await me.open("/slow"); // anything else, before it could ask again
  await me.context.clearCookies();
  await me.open("/api/joke");
  await me.page.getByRole("button", { name: "Finish paying $5.00" }).click();
  await me.reads("joke");
  assert.deepEqual([sent, await paidMore()], [5, 1]);
  await me.page.unrouteAll({ behavior: "ignoreErrors" });
  // Of what was never sent before it is one: nothing was charged, and nothing is remembered.
  await me.page.route("**/top-up", refuse, { times: 1 });
  await me.context.clearCookies();
  await me.open("/api/joke");
  await me.pays("2223 0031 2200 3222");
  await me.page.getByRole("alert").filter({ hasText: error }).waitFor();
  assert.equal(await me.page.locator("#submit").innerText(), "Pay $5.00");
  await me.page.reload();
  assert.equal(await me.page.locator("#submit").innerText(), "Pay $5.00");
  assert.equal(await paidMore(), 1);
  me.wrong = me.wrong.filter((line) => !line.includes("net::ERR_FAILED"));
});

person("the bank said yes and that got lost: the server is asked, and it is charged once", {}, async (me, { paidMore }) => {
  let read = 0;
  // Stripe.js reads the payment before it asks the person, and afterwards.
  await me.page.route(/\/v1\/payment_intents\/pi_\w+\?/, (route) => (++read === 2 ? route.abort() : route.continue()));
  await me.open("/api/joke");
  await me.pays("4000 0025 0000 3155");
  await me.page.getByRole("button", { name: "Complete" }).click();
  await me.reads("joke");
  assert.deepEqual([read, await paidMore()], [2, 1]);
  me.wrong = me.wrong.filter((line) => !line.includes("net::ERR_FAILED"));
});
