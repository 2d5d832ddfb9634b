// The client against the real Worker, with the testbed's Stripe behind it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createStripe402Fetch, readChallenge, readReceipt } from "../index.js";
import { startPaywall, vectors } from "./support/paywall.mjs";

let paywall;
before(async () => {
  paywall = await startPaywall();
});
after(() => paywall.stop());

/** A client with a card of its own. */
async function client(name, more = {}, card = {}) {
  const paymentMethodId = await paywall.card(`js_${name}`, card);
  const [asked, receipts] = [[], []];
  const config = {
    onPaymentRequired: (requirements, context) => (asked.push({ requirements, context }), { paymentMethodId }),
    onReceipt: (receipt, about) => receipts.push({ ...receipt, ...about }),
    ...more,
  };
  return { pay: createStripe402Fetch(config), config, asked, receipts, paymentMethodId };
}

test("what is free is free", async () => {
  const { pay, asked } = await client("free");
  assert.deepEqual(await (await pay(`${paywall.url}/api/health`)).json(), { ok: true });
  assert.equal(asked.length, 0);
});

test("a card is charged once, and the credits pay from then on, in the next program as well", async () => {
  const store = new Map();
  const { pay, config, asked, receipts, paymentMethodId } = await client("flow", { store });
  for (const _ of [1, 2]) assert.ok((await (await pay(`${paywall.url}/api/joke`)).json()).joke);
  await createStripe402Fetch(config)(`${paywall.url}/api/joke`);
  assert.deepEqual(
    receipts.map(({ creditsRemaining }) => creditsRemaining),
    [49_900, 49_800, 49_700],
  );
  assert.deepEqual(
    receipts.map(({ chargeId }) => Boolean(chargeId)),
    [true, false, false],
  );
  assert.deepEqual([receipts[0].amount, receipts[0].currency], [100, "usd"]);
  assert.equal(asked.length, 1);
  assert.deepEqual(asked[0].requirements, {
    ...{ scheme: "stripe", currency: "usd", amount: 100, minTopUp: 50_000 },
    ...{ publishableKey: vectors.publishableKey, description: "Random joke" },
  });
  assert.deepEqual([asked[0].context.resource.url, asked[0].context.method], ["/api/joke", "GET"]);
  const charges = await paywall.charges(paymentMethodId);
  assert.deepEqual(
    charges.map(({ amount, status }) => [amount, status]),
    [[500, "succeeded"]],
  );
});

test("parallel requests with an empty balance make one payment, and all are served", async () => {
  const { pay, asked, receipts, paymentMethodId } = await client("parallel");
  const calls = Array.from({ length: 10 }, () => pay(`${paywall.url}/api/joke`));
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  assert.deepEqual(statuses, Array(10).fill(200));
  assert.equal(asked.length, 1);
  assert.deepEqual(
    receipts.map(({ creditsRemaining }) => creditsRemaining).sort((a, b) => a - b),
    [...Array.from({ length: 10 }, (_, nth) => 49_000 + 100 * nth)],
  );
  assert.equal((await paywall.charges(paymentMethodId)).length, 1);
});

test("parallel requests that one top-up does not cover top up again, one after the other", async () => {
  const { pay, asked, paymentMethodId } = await client("dear");
  const statuses = await Promise.all(
    Array.from(
      { length: 3 },
      async () => (await pay(`${paywall.url}/api/translate`, { method: "POST", body: "hola" })).status,
    ),
  );
  assert.deepEqual(statuses, [200, 200, 200]);
  assert.equal(asked.length, 2, "50,000 covers one of 30,000; 100,000 the three");
  assert.equal((await paywall.charges(paymentMethodId)).length, 2);
});

test("a payer who declines gets the 402", async () => {
  const { pay, paymentMethodId } = await client("declines", { onPaymentRequired: () => null });
  const answer = await pay(`${paywall.url}/api/joke`);
  assert.equal(answer.status, 402);
  assert.equal(readChallenge(answer.headers.get("payment-required")).accepts[0].amount, 100);
  assert.equal((await answer.json()).resource.url, "/api/joke", "its body can be read");
  assert.equal((await paywall.charges(paymentMethodId)).length, 0);
});

test("a declined card is tried once, and the answer says why", async () => {
  const { pay, asked, paymentMethodId } = await client("refused", {}, { behaviour: "pm_card_chargeCustomerFail" });
  const answers = await Promise.all([1, 2, 3].map(() => pay(`${paywall.url}/api/joke`)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [402, 402, 402],
  );
  const told = await Promise.all(answers.map((answer) => answer.json()));
  assert.deepEqual(told.map(({ errorCode }) => errorCode).filter(Boolean), ["card_declined"]);
  assert.equal(asked.length, 1);
  assert.equal((await paywall.charges(paymentMethodId)).filter(({ status }) => status === "succeeded").length, 0);
});

test("credits that run out are filled again by the card", async () => {
  const { pay, asked, receipts } = await client("again");
  const translate = () => pay(`${paywall.url}/api/translate`, { method: "POST", body: new Blob(["hola"]) });
  for (const _ of [1, 2]) assert.equal((await (await translate()).json()).translation, "hola");
  assert.deepEqual(
    receipts.map(({ creditsRemaining }) => creditsRemaining),
    [20_000, 40_000],
  );
  assert.deepEqual(
    asked.map(({ context }) => context.error),
    [undefined, "insufficient_credits"],
  );
});

test("another currency is another balance", async () => {
  const { pay, asked } = await client("currency");
  for (const path of ["/api/joke", "/api/weather", "/api/joke", "/api/weather"]) {
    assert.equal((await pay(`${paywall.url}${path}`)).status, 200);
  }
  assert.deepEqual(
    asked.map(({ requirements }) => requirements.currency),
    ["usd", "eur"],
  );
});

test("what the origin does not serve is given back, and does not count against a budget", async () => {
  const policy = { currency: "usd", budget: { total: 200 } };
  const { pay, receipts } = await client("reversal", { policy });
  for (const code of [500, 503, 500]) assert.equal((await pay(`${paywall.url}/status/${code}`)).status, code);
  assert.equal((await pay(`${paywall.url}/status/404`)).status, 404);
  assert.equal((await pay(`${paywall.url}/status/204`)).status, 204);
  assert.deepEqual(
    receipts.map(({ success }) => success),
    [false, false, false, true, true],
  );
  await assert.rejects(pay(`${paywall.url}/status/204`), { rule: "budget" });
});

test("an outcome that is not known yet gets the same payment again, and the card is charged once", async () => {
  const slept = [];
  const sleep = (milliseconds) => (slept.push(milliseconds), new Promise((done) => setTimeout(done, milliseconds)));
  const { pay, asked, receipts, paymentMethodId } = await client("unknown", { sleep });
  await paywall.fault({ match: "POST /v1/payment_intents", kind: "reset", after_commit: true, times: 1 });
  const answer = await pay(`${paywall.url}/api/joke`);
  assert.equal(answer.status, 200);
  assert.equal(asked.length, 1);
  assert.equal((await paywall.charges(paymentMethodId)).length, 1);
  assert.equal(receipts.at(-1).creditsRemaining, 49_900);
  assert.ok(slept.length <= 5, `${slept}`);
});

test("while Stripe cannot be asked at all, the payment is sent again until it can", async () => {
  const { pay, asked, paymentMethodId } = await client("away", { sleep: async () => {} });
  await paywall.fault({ match: `GET /v1/payment_methods/${paymentMethodId}`, kind: "status", status: 500, times: 2 });
  assert.equal((await pay(`${paywall.url}/api/joke`)).status, 200);
  assert.deepEqual([asked.length, (await paywall.charges(paymentMethodId)).length], [1, 1]);
});

test("3-D Secure: the payer takes the step, and the same payment goes on", async () => {
  const steps = [];
  const onAction = async ({ type, clientSecret }) => {
    steps.push(type);
    const intent = clientSecret.split("_secret_")[0];
    await paywall.order(`/_testbed/payment_intents/${intent}/authenticate`, { outcome: "success" });
    return true;
  };
  const behaviour = { behaviour: "pm_card_authenticationRequired" };
  const { pay, paymentMethodId } = await client("secure", { onAction }, behaviour);
  assert.equal((await pay(`${paywall.url}/api/joke`)).status, 200);
  assert.deepEqual(steps, ["stripe_handle_next_action"]);
  assert.deepEqual(
    (await paywall.charges(paymentMethodId)).map(({ status }) => status),
    ["succeeded"],
  );
});

test("bodies arrive whole at the origin, and only once", async () => {
  // What is refused before it has been sent whole is cut off by workerd beyond 64 KB, and then fetch of Node may fail.
  for (const [size, payAhead] of [[50_000, false], [3_000_000, true]]) {
    const { pay } = await client(`bodies_${size}`, { bufferBody: true, payAhead });
    if (payAhead) await (await pay(`${paywall.url}/sink`, { method: "POST", body: "the price is known now" })).json();
    const before = (await paywall.arrived("/sink")).length;
    const bytes = new Uint8Array(size).fill(7);
    for (const body of [bytes, new Blob([bytes]), new Response(bytes).body]) {
      const answer = await pay(`${paywall.url}/sink`, { method: "POST", body, duplex: "half" });
      assert.deepEqual(await answer.json(), { bytes: size });
    }
    const request = new Request(`${paywall.url}/sink`, { method: "POST", body: bytes });
    assert.deepEqual(await (await pay(request)).json(), { bytes: size });
    assert.equal((await paywall.arrived("/sink")).length, before + 4);
  }
});

test("the origin never sees the payment, and a redirect of its own is followed without it", async () => {
  const { pay } = await client("secrets");
  const echo = await (await pay(`${paywall.url}/echo?js`, { method: "POST", headers: { "x-test": "1" } })).json();
  assert.ok(JSON.stringify(echo).includes("x-test"));
  const answer = await pay(`${paywall.url}/redirect?to=/api/health%3Fafter`);
  assert.deepEqual(await answer.json(), { ok: true });
  const manual = await pay(`${paywall.url}/redirect?to=/api/health`, { redirect: "manual" });
  assert.equal(manual.status, 302);
  const arrived = await paywall.arrived("/echo?js");
  assert.equal(arrived.length, 1);
  assert.ok(JSON.stringify(arrived).includes("x-test") && !JSON.stringify(arrived).includes('"payment"'));
});

test("a paid answer streams", async () => {
  const { pay } = await client("stream");
  const answer = await pay(`${paywall.url}/stream?events=3&ms=50`);
  assert.ok(readReceipt(answer.headers.get("payment-response")).success);
  const chunks = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  assert.ok(chunks.length >= 2, "it came in pieces");
});

test("the policy refuses before the Worker is paid", async () => {
  const { pay, paymentMethodId } = await client("policy", { policy: { currency: "usd", maxPrice: 99 } });
  await assert.rejects(pay(`${paywall.url}/api/joke`), { rule: "max_price" });
  await assert.rejects(pay(`${paywall.url}/api/weather`), { rule: "currency" });
  assert.equal((await paywall.charges(paymentMethodId)).length, 0);
});

test("an unknown client id is filled by the card, and the card's own id takes its place", async () => {
  const store = new Map();
  const { pay, receipts } = await client("stale", { store, clientId: "a".repeat(64) });
  assert.equal((await pay(`${paywall.url}/api/joke`)).status, 200);
  assert.deepEqual([...store.values()], [receipts[0].clientId]);
  assert.notEqual(receipts[0].clientId, "a".repeat(64));
});

test("with payAhead, a request that is known costs one round trip", async () => {
  let sent = 0;
  const { pay } = await client("ahead", { payAhead: true, fetch: (...given) => ((sent += 1), fetch(...given)) });
  for (const expected of [2, 3, 4]) {
    assert.equal((await pay(`${paywall.url}/api/joke`)).status, 200);
    assert.equal(sent, expected);
  }
});

test("an Idempotency-Key goes along, and a second request under it is not paid twice", async () => {
  const { pay, receipts } = await client("idempotent");
  await pay(`${paywall.url}/api/joke`);
  const headers = { "idempotency-key": "one" };
  assert.equal((await pay(`${paywall.url}/api/joke`, { headers })).status, 200);
  assert.equal((await pay(`${paywall.url}/api/joke`, { headers })).status, 409);
  await pay(`${paywall.url}/api/joke`);
  assert.equal(receipts.at(-1).creditsRemaining, 49_700);
});

test("an answer that got lost stays paid for: its Idempotency-Key says 409, and nothing is given back", async () => {
  let lost = false;
  const fetches = async (url, init) => {
    const response = await fetch(url, init);
    if (lost || !new Headers(init.headers).has("payment")) return response;
    await response.arrayBuffer();
    lost = true;
    throw new TypeError("fetch failed");
  };
  const store = new Map();
  const policy = { currency: "usd", budget: { total: 1000 }, topUpBudget: { total: 50_000 } };
  const { pay, asked, receipts, paymentMethodId } = await client("lost", { store, policy, fetch: fetches });
  const headers = { "idempotency-key": "one" };
  const toppedUp = () => JSON.parse(store.get("stripe402 spent top_up_budget usd"))["total "];
  await assert.rejects(pay(`${paywall.url}/api/joke`, { headers }), { message: "fetch failed" });
  assert.equal((await pay(`${paywall.url}/api/joke`, { headers })).status, 409);
  assert.deepEqual([toppedUp(), receipts.length], [50_000, 0]);
  // The open payment finds the credits that it bought.
  assert.ok((await (await pay(`${paywall.url}/api/joke`)).json()).joke);
  assert.deepEqual([toppedUp(), receipts[0].chargeId, receipts[0].creditsRemaining], [50_000, undefined, 49_800]);
  assert.deepEqual([asked.length, (await paywall.charges(paymentMethodId)).length], [1, 1]);
});
