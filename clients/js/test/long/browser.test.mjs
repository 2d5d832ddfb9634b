// The client in Chromium, on a page of another origin than the real Worker's.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startChromium, startSite } from "../support/chromium.mjs";
import { startPaywall } from "../support/paywall.mjs";

let site;
let paywall;
let browser;
before(async () => {
  site = await startSite();
  paywall = await startPaywall({ CORS_ORIGINS: site.url });
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await paywall?.stop();
  await site?.stop();
});

/** A page, with a card of its own; it stops the test that does not expect its errors. */
async function page(name, card = {}) {
  const tab = await (await browser.newContext()).newPage();
  const errors = [];
  tab.on("pageerror", (error) => errors.push(error.message));
  await tab.goto(`${site.url}/`);
  const given = { api: paywall.url, card: await paywall.card(`page_${name}`, card) };
  const run = async (work) => {
    const result = await tab.evaluate(work, given);
    assert.deepEqual(errors, []);
    return result;
  };
  return { tab, run, charges: () => paywall.charges(given.card) };
}

test("a page pays by card, then by credits; after a reload too", async () => {
  const { tab, run, charges } = await page("flow");
  const buy = async ({ api, card }) => {
    const { createStripe402Fetch, webStorage } = await import("stripe402-client");
    const credits = [];
    const pay = createStripe402Fetch({
      onPaymentRequired: () => ({ paymentMethodId: card }),
      store: webStorage(localStorage),
      onReceipt: ({ creditsRemaining }) => credits.push(creditsRemaining),
    });
    const joke = await (await pay(`${api}/api/joke`)).json();
    const sunk = await (await pay(new Request(`${api}/sink`, { method: "POST", body: "twelve bytes" }))).json();
    const reads = createStripe402Fetch({
      onPaymentRequired: () => null,
      store: webStorage(localStorage),
      bufferBody: true,
    });
    const body = new Response("a stream").body;
    const streamed = await (await reads(`${api}/sink`, { method: "POST", body, duplex: "half" })).json();
    return { joke: typeof joke.joke, bytes: [sunk.bytes, streamed.bytes], credits };
  };
  assert.deepEqual(await run(buy), { joke: "string", bytes: [12, 8], credits: [49_900, 49_800] });
  await tab.reload();
  assert.deepEqual((await run(buy)).credits, [49_600, 49_500]);
  assert.equal((await charges()).length, 1);
});

test("parallel requests with an empty balance make one payment", async () => {
  const { run, charges } = await page("parallel");
  const statuses = await run(async ({ api, card }) => {
    const { createStripe402Fetch } = await import("stripe402-client");
    const pay = createStripe402Fetch({ onPaymentRequired: () => ({ paymentMethodId: card }) });
    return Promise.all(Array.from({ length: 8 }, async () => (await pay(`${api}/api/joke`)).status));
  });
  assert.deepEqual(statuses, Array(8).fill(200));
  assert.equal((await charges()).length, 1);
});

test("a page sees why nothing was paid: declined, refused by a rule, a redirect", async () => {
  const { run, charges } = await page("refusals", { behaviour: "pm_card_chargeCustomerFail" });
  const seen = await run(async ({ api, card }) => {
    const { createStripe402Fetch } = await import("stripe402-client");
    const said = (promise) =>
      promise.then(
        async (answer) => [answer.status, (await answer.json()).errorCode],
        ({ name, rule, reason }) => [name, rule ?? reason],
      );
    const pay = (policy) => createStripe402Fetch({ onPaymentRequired: () => ({ paymentMethodId: card }), policy });
    return [
      await said(pay()(`${api}/api/joke`)),
      await said(pay({ currency: "usd", maxPrice: 99 })(`${api}/api/joke`)),
    ];
  });
  assert.deepEqual(seen, [
    [402, "card_declined"],
    ["SpendPolicyError", "max_price"],
  ]);
  assert.ok((await charges()).every(({ status }) => status !== "succeeded"));

  const { run: other } = await page("redirect");
  const redirected = await other(async ({ api, card }) => {
    const { createStripe402Fetch } = await import("stripe402-client");
    const pay = createStripe402Fetch({ onPaymentRequired: () => ({ paymentMethodId: card }) });
    return pay(`${api}/redirect?to=/api/health`).catch(({ name, reason }) => [name, reason]);
  });
  assert.deepEqual(redirected, ["Stripe402Error", "redirect"]);
});

test("an unknown outcome gets the same payment again, though the page cannot read Retry-After", async () => {
  const { run, charges } = await page("unknown");
  await paywall.fault({ match: "POST /v1/payment_intents", kind: "reset", after_commit: true, times: 1 });
  const status = await run(async ({ api, card }) => {
    const { createStripe402Fetch } = await import("stripe402-client");
    const pay = createStripe402Fetch({ onPaymentRequired: () => ({ paymentMethodId: card }) });
    return (await pay(`${api}/api/joke`)).status;
  });
  assert.equal(status, 200);
  assert.equal((await charges()).length, 1);
});

test("axios pays from a page, and does not send the payment along with a redirect", async () => {
  const { run, charges } = await page("axios");
  const seen = await run(async ({ api, card }) => {
    const { default: axios } = await import("axios");
    const { createStripe402Axios } = await import("/client/axios.js");
    const instance = createStripe402Axios(axios.create({ baseURL: api }), {
      onPaymentRequired: () => ({ paymentMethodId: card }),
    });
    const jokes = [];
    for (const _ of [1, 2]) jokes.push(typeof (await instance.get("/api/joke")).data.joke);
    const redirected = await instance
      .get("/redirect", { params: { to: "/api/health" } })
      .catch(({ name, reason }) => [name, reason]);
    return { jokes, redirected };
  });
  assert.deepEqual(seen, { jokes: ["string", "string"], redirected: ["Stripe402Error", "redirect"] });
  assert.equal((await charges()).length, 1);
});
