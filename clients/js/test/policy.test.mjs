// The spend policy: every rule, before anything is sent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStripe402Fetch } from "../index.js";
import { CLIENT, against, challenge, paid } from "./support/liar.mjs";

const CARD = { paymentMethodId: "pm_card_visa" };
const sells =
  (change = {}) =>
  ({ payment }) =>
    payment ? paid({ chargeId: "pi_1" }) : challenge(change);
const buys = (policy, more = {}) =>
  createStripe402Fetch({ onPaymentRequired: () => CARD, clientId: CLIENT, policy, ...more });
const tops = (policy, more = {}) => buys(policy, { clientId: undefined, ...more });

/** Asserts that a rule refuses, and that nothing was sent. */
async function refuses(rule, policy, { change = {}, buyer = buys } = {}) {
  await against(sells(change), async (liar) => {
    const call = buyer(typeof policy === "function" ? policy(liar) : policy)(`${liar.url}/thing`);
    await assert.rejects(call, { name: "SpendPolicyError", code: "payment_required", rule });
    assert.deepEqual(liar.payments(), []);
  });
}

/** Asserts that nothing refuses. */
async function lets(policy, { change = {}, buyer = buys } = {}) {
  await against(sells(change), async (liar) => {
    const answer = await buyer(typeof policy === "function" ? policy(liar) : policy)(`${liar.url}/thing`);
    assert.equal(answer.status, 200);
  });
}

test("every rule refuses above its bound and lets pass at it, for credits and for cards", async () => {
  for (const buyer of [buys, tops]) {
    await refuses("max_price", { currency: "usd", maxPrice: 99 }, { buyer });
    await lets({ currency: "usd", maxPrice: 100 }, { buyer });
    await refuses("currency", { currency: "eur" }, { buyer });
    await refuses("currency", { currency: "usd", maxPrice: 1000 }, { buyer, change: { currency: "jpy", amount: 1 } });
    await lets({ currency: "eur" }, { buyer, change: { currency: "eur" } });
    await refuses("hosts", { hosts: ["127.0.0.1", "api.example.com"] }, { buyer });
    await lets(({ url }) => ({ hosts: [new URL(url).host] }), { buyer });
    await refuses("budget", { currency: "usd", budget: { total: 0 } }, { buyer });
    for (const window of ["hour", "day", "month", "total"]) {
      await refuses("budget", { currency: "usd", budget: { [window]: 99 } }, { buyer });
      await refuses("budget", { currency: "usd", budget: { perHost: { [window]: 99 } } }, { buyer });
      await lets({ currency: "usd", budget: { [window]: 100, perHost: { [window]: 100 } } }, { buyer });
    }
  }
  await refuses("max_top_up", { currency: "usd", maxTopUp: 49_999 }, { buyer: tops });
  await refuses("top_up_budget", { currency: "usd", topUpBudget: { day: 49_999 } }, { buyer: tops });
  await refuses("top_up_budget", { currency: "usd", topUpBudget: { perHost: { total: 49_999 } } }, { buyer: tops });
  await lets({ currency: "usd", maxTopUp: 50_000, topUpBudget: { total: 50_000 } }, { buyer: tops });
  // Credits are no top-up.
  await lets({ currency: "usd", maxTopUp: 0, topUpBudget: { total: 0 } });
});

test("a server may offer several currencies; the one that may be paid is taken", async () => {
  const both = challenge({}, { accepts: [] });
  const answer = ({ payment }) => (payment ? paid() : both);
  await against(answer, async (liar) => {
    const ways = [{ currency: "jpy" }, { currency: "usd" }].map((change) => ({
      ...{ scheme: "stripe", amount: 1, minTopUp: 2, publishableKey: "pk" },
      ...change,
    }));
    both.headers = challenge({}, { accepts: ways }).headers;
    const asked = [];
    const onPaymentRequired = ({ currency }) => (asked.push(currency), CARD);
    const pay = createStripe402Fetch({ onPaymentRequired, policy: { currency: "usd" } });
    assert.equal((await pay(`${liar.url}/thing`)).status, 200);
    assert.deepEqual(asked, ["usd"]);
  });
});

test("budgets start anew with the clock's hour, day and month, and never for what is spent in all", async () => {
  await against(sells(), async (liar) => {
    let time = Date.parse("2026-11-20T10:59:59Z");
    const now = () => time;
    for (const [window, later] of [
      ["hour", "2026-11-20T11:00:00Z"],
      ["day", "2026-11-21T00:00:00Z"],
      ["month", "2026-12-01T00:00:00Z"],
    ]) {
      time = Date.parse("2026-11-20T10:59:59Z");
      const pay = buys({ currency: "usd", budget: { [window]: 250 } }, { now });
      for (const round of [1, 2]) {
        await pay(`${liar.url}/thing`);
        await pay(`${liar.url}/thing`);
        await assert.rejects(pay(`${liar.url}/thing`), { rule: "budget" }, `${window} ${round}`);
        time = Date.parse(later);
      }
    }
    time = 0;
    const pay = buys({ currency: "usd", budget: { total: 100 } }, { now });
    await pay(`${liar.url}/thing`);
    time = Date.parse("2036-01-01T00:00:00Z");
    await assert.rejects(pay(`${liar.url}/thing`), { rule: "budget" });
  });
});

test("a budget per host leaves another host its own, and one in all does not", async () => {
  await against(sells(), (first) =>
    against(sells(), async (second) => {
      const pay = tops({ currency: "usd", budget: { day: 250, perHost: { day: 100 } } });
      await pay(`${first.url}/thing`);
      await assert.rejects(pay(`${first.url}/thing`), { rule: "budget", message: /for 127\.0\.0\.1:/ });
      await pay(`${second.url}/thing`);
      const both = tops({ currency: "usd", budget: { day: 150 } });
      await both(`${first.url}/thing`);
      await assert.rejects(both(`${second.url}/thing`), { rule: "budget" });
    }),
  );
});

test("budgets live in the store, so that the next program goes on with them", async () => {
  await against(sells(), async (liar) => {
    const store = new Map();
    const policy = { currency: "usd", budget: { month: 200 }, maxPriceRise: 1 };
    for (const _ of [1, 2]) await buys(policy, { store })(`${liar.url}/thing`);
    await assert.rejects(buys(policy, { store })(`${liar.url}/thing`), { rule: "budget" });
    // A store may answer later.
    const later = { get: async (key) => store.get(key), set: async (key, value) => void store.set(key, value) };
    await assert.rejects(buys(policy, { store: later })(`${liar.url}/thing`), { rule: "budget" });
  });
});

test("a store that holds something else than sums lets nothing pass", async () => {
  await against(sells(), async (liar) => {
    for (const text of ["", "null", "[]", "5", '{"total ":"1"}', '{"total ":-5}', '{"total ":null}', "[[]]"]) {
      const store = new Map([
        ["stripe402 spent budget usd", text],
        [`stripe402 prices ${liar.url}`, text],
      ]);
      for (const policy of [{ currency: "usd", budget: { total: 1000 } }, { maxPriceRise: 2 }]) {
        await assert.rejects(buys(policy, { store })(`${liar.url}/thing`), /Nothing is paid/, text);
      }
    }
    assert.deepEqual(liar.payments(), []);
  });
});

test("parallel requests cannot spend the same budget twice", async () => {
  await against(sells(), async (liar) => {
    const slow = new Map();
    const pause = () => new Promise((done) => setTimeout(done, 2));
    const store = {
      get: async (key) => (await pause(), slow.get(key)),
      set: async (key, value) => (await pause(), void slow.set(key, value)),
    };
    const pay = buys({ currency: "usd", budget: { day: 350 } }, { store });
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => pay(`${liar.url}/thing`)));
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 3);
    assert.equal(liar.payments().length, 3);
  });
});

test("what was given back does not count, and what was served does", async () => {
  let receipt = { success: false };
  await against(
    ({ payment }) => (payment ? paid(receipt) : challenge()),
    async (liar) => {
      const pay = buys({ currency: "usd", budget: { total: 100 } });
      for (const _ of [1, 2, 3]) await pay(`${liar.url}/thing`);
      receipt = {};
      await pay(`${liar.url}/thing`);
      await assert.rejects(pay(`${liar.url}/thing`), { rule: "budget" });
    },
  );
});

test("a card that was not charged after all does not count as topped up", async () => {
  let receipt = {};
  await against(
    ({ payment }) =>
      payment?.paymentMethodId ? paid(receipt) : challenge({}, payment && { error: "insufficient_credits" }),
    async (liar) => {
      const pay = tops({ currency: "usd", topUpBudget: { total: 50_000 } });
      for (const _ of [1, 2]) await pay(`${liar.url}/thing`);
      receipt = { chargeId: "pi_1" };
      await pay(`${liar.url}/thing`);
      await assert.rejects(pay(`${liar.url}/thing`), { rule: "top_up_budget" });
    },
  );
});

test("a price may rise by the factor that is allowed, since it was paid last", async () => {
  let amount = 100;
  await against(
    ({ payment }) => (payment ? paid() : challenge({ amount })),
    async (liar) => {
      const store = new Map();
      const pay = (path) => buys({ maxPriceRise: 1.5 }, { store })(`${liar.url}${path}`);
      await pay("/thing");
      amount = 151;
      await assert.rejects(pay("/thing"), { rule: "price_rise", message: /from 0\.01 usd to 0\.0151 usd/ });
      await pay("/another");
      amount = 150;
      await pay("/thing?page=2");
      amount = 225;
      await pay("/thing");
      amount = 1;
      await pay("/thing");
      amount = 2;
      await assert.rejects(pay("/thing"), { rule: "price_rise" });
    },
  );
});

test("a payment does not go over a network unencrypted, unless that is allowed", async () => {
  const sent = [];
  const fetches = async (url, init) => {
    const payment = new Headers(init.headers).get("payment");
    sent.push(payment !== null);
    const { status, headers } = payment ? paid() : challenge();
    return new Response(null, { status, headers });
  };
  const pay = (policy) => buys(policy, { fetch: fetches });
  for (const host of ["api.example.com", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com"]) {
    await assert.rejects(pay({})(`http://${host}/thing`), { rule: "insecure" }, host);
  }
  assert.ok(!sent.includes(true));
  for (const origin of ["https://api.example.com", "http://localhost:8402", "http://127.0.0.2", "http://[::1]:1"]) {
    assert.equal((await pay({})(`${origin}/thing`)).status, 200, origin);
  }
  assert.equal((await pay({ allowInsecure: true })("http://api.example.com/thing")).status, 200);
});

test("a payer's choice is checked before anything is sent", async () => {
  await against(sells(), async (liar) => {
    for (const [choice, code] of [
      [{}, "invalid_payment"],
      [{ paymentMethodId: "card_1" }, "invalid_payment"],
      [{ paymentMethodId: "pm_/../x" }, "invalid_payment"],
      [{ ...CARD, topUpAmount: "50000" }, "invalid_payment"],
      [{ ...CARD, topUpAmount: 50_000.5 }, "invalid_payment"],
      [{ ...CARD, topUpAmount: 49_999 }, "top_up_below_minimum"],
    ]) {
      const pay = createStripe402Fetch({ onPaymentRequired: () => choice });
      await assert.rejects(pay(`${liar.url}/thing`), { name: "Stripe402Error", code }, JSON.stringify(choice));
    }
    assert.deepEqual(liar.payments(), []);
    const more = createStripe402Fetch({ onPaymentRequired: () => ({ ...CARD, topUpAmount: 70_000 }) });
    await more(`${liar.url}/thing`);
    assert.equal(liar.payments()[0].topUpAmount, 70_000);
  });
});

test("a configuration that cannot be meant is refused, and the sentence says what is wrong", () => {
  const onPaymentRequired = () => null;
  for (const [config, sentence] of [
    [undefined, /configuration must be an object/],
    [{}, /onPaymentRequired must be a function/],
    [{ onPaymentRequired, onReciept: () => {} }, /onReciept is not an option/],
    [{ onPaymentRequired, clientId: "abc" }, /clientId must be 64/],
    [{ onPaymentRequired, clientId: { "https://a.example/": CLIENT } }, /not an origin/],
    [{ onPaymentRequired, clientId: { "https://a.example": "abc" } }, /clientId of https:\/\/a\.example must be 64/],
    [{ onPaymentRequired, clientId: 7 }, /clientId must be a string/],
    [{ onPaymentRequired, store: {} }, /store must have get/],
    [{ onPaymentRequired, fetch: "fetch" }, /fetch must be a function/],
    [{ onPaymentRequired, onError: "warn" }, /onError must be a function/],
    [{ onPaymentRequired, retries: -1 }, /retries must be a whole number/],
    [{ onPaymentRequired, policy: null }, /policy must be an object/],
    [{ onPaymentRequired, policy: { maxPrise: 1 } }, /policy\.maxPrise is not a rule/],
    [{ onPaymentRequired, policy: { maxPrice: 5 } }, /policy\.currency must be named/],
    [{ onPaymentRequired, policy: { currency: "USD" } }, /policy\.currency must be named/],
    [{ onPaymentRequired, policy: { currency: "usd", maxPrice: "5" } }, /policy\.maxPrice must be a whole number/],
    [{ onPaymentRequired, policy: { currency: "usd", budget: 5 } }, /policy\.budget must be an object/],
    [{ onPaymentRequired, policy: { currency: "usd", budget: { week: 5 } } }, /policy\.budget\.week is not one of/],
    [
      { onPaymentRequired, policy: { currency: "usd", budget: { perHost: { day: 0.5 } } } },
      /budget\.perHost\.day must be/,
    ],
    [{ onPaymentRequired, policy: { hosts: "api.example.com" } }, /policy\.hosts must be a list/],
    [{ onPaymentRequired, policy: { maxPriceRise: 0.5 } }, /policy\.maxPriceRise must be a factor/],
  ]) {
    assert.throws(
      () => createStripe402Fetch(config),
      (error) => error instanceof TypeError && sentence.test(error.message),
    );
  }
  assert.throws(() => createStripe402Fetch({ onPaymentRequired }, "fetch"), TypeError);
});
