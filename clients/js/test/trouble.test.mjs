// What goes wrong beside a payment: a store that fails, a caller's function that throws. What was paid for arrives.

import assert from "node:assert/strict";
import { test } from "node:test";
import axios from "axios";
import { createStripe402Axios } from "../axios.js";
import { createStripe402Fetch, webStorage } from "../index.js";
import { CLIENT, against, challenge, paid } from "./support/liar.mjs";

const CARD = { paymentMethodId: "pm_card_visa" };
const sells = ({ payment }) => (payment ? paid({ chargeId: payment.paymentMethodId && "pi_1" }) : challenge());

/** A store that refuses to be written, where `full` says so, and what it holds. */
function storage(full) {
  const held = new Map();
  const setItem = (key, value) => {
    if (full(key, value)) throw new DOMException(`${key} = ${value} exceeded the quota.`, "QuotaExceededError");
    held.set(key, value);
  };
  return { held, store: webStorage({ getItem: (key) => held.get(key) ?? null, setItem }) };
}

/** A client whose payer and troubles are noted. */
function client(config, create = createStripe402Fetch) {
  const [asked, told] = [[], []];
  const onPaymentRequired = (requirements) => (asked.push(requirements), CARD);
  const onError = (error, about) => told.push([error, about]);
  return { asked, told, pay: create({ onPaymentRequired, onError, ...config }) };
}

test("a client id that cannot be stored is kept in memory: one charge, every answer", async () => {
  await against(sells, async (liar) => {
    const { store } = storage((key) => key.includes("client"));
    const receipts = [];
    const { asked, told, pay } = client({ store, onReceipt: (one) => receipts.push(one) });
    for (const _ of [1, 2, 3]) assert.equal(await (await pay(`${liar.url}/thing?secret=1`)).text(), "served");
    assert.deepEqual([asked.length, receipts.length], [1, 3]);
    assert.deepEqual(liar.payments().slice(1), Array(2).fill({ stripe402Version: 1, clientId: CLIENT }));
    const [[error, about]] = told;
    assert.match(error.message, /^The client id could not be stored.* \(QuotaExceededError\)$/);
    assert.equal(error.cause.name, "QuotaExceededError");
    assert.deepEqual(about, { url: `${liar.url}/thing?secret=1`, method: "GET" });
  });
});

test("a client id that could not be stored is stored as soon as it can be", async () => {
  await against(sells, async (liar) => {
    let full = true;
    const { held, store } = storage((key) => full && key.includes("client"));
    const { told, pay } = client({ store });
    await pay(`${liar.url}/thing`);
    assert.deepEqual([told.length, held.size], [1, 0]);
    full = false;
    await pay(`${liar.url}/thing`);
    assert.deepEqual([told.length, held.get(`stripe402 client ${liar.url}`)], [1, CLIENT]);
    // Another program's id counts again, now that none is kept in memory.
    held.set(`stripe402 client ${liar.url}`, "d".repeat(64));
    await pay(`${liar.url}/thing`);
    assert.equal(liar.payments().at(-1).clientId, "d".repeat(64));
  });
});

test("a store that cannot be read after the payment takes nothing away either", async () => {
  await against(sells, async (liar) => {
    let broken = false;
    const fetches = async (...request) => {
      const response = await fetch(...request);
      broken = response.status === 200;
      return response;
    };
    const held = new Map();
    const fails = () => {
      if (broken) throw new Error("gone");
    };
    const store = {
      get: async (key) => (fails(), held.get(key)),
      set: async (key, value) => (fails(), held.set(key, value)),
    };
    const policy = { maxPriceRise: 1 };
    const { asked, told, pay } = client({ store, policy, fetch: fetches });
    assert.equal(await (await pay(`${liar.url}/thing`)).text(), "served");
    assert.deepEqual(
      told.map(([{ message }]) => message.split(" could")[0]),
      ["The price that was paid", "The client id"],
    );
    broken = false;
    assert.equal(await (await pay(`${liar.url}/thing`)).text(), "served");
    assert.equal(asked.length, 1);
  });
});

test("a price that cannot be stored is remembered all the same", async () => {
  let amount = 100;
  let full = true;
  await against(
    ({ payment }) => (payment ? paid() : challenge({ amount })),
    async (liar) => {
      const { held, store } = storage((key) => full && key.includes("prices"));
      const { told, pay } = client({ store, policy: { maxPriceRise: 1.5 } });
      await pay(`${liar.url}/thing`);
      await pay(`${liar.url}/other`);
      assert.equal(told.length, 2);
      amount = 151;
      for (const path of ["/thing", "/other"]) await assert.rejects(pay(liar.url + path), { rule: "price_rise" });
      amount = 150;
      full = false;
      await pay(`${liar.url}/thing`);
      assert.deepEqual(JSON.parse(held.get(`stripe402 prices ${liar.url}`)), {
        "GET /other usd": 100,
        "GET /thing usd": 150,
      });
    },
  );
});

test("a budget that cannot be written refuses before anything is paid", async () => {
  await against(sells, async (liar) => {
    for (const [name, policy] of [
      ["budget", { currency: "usd", budget: { total: 1000 } }],
      ["top_up_budget", { currency: "usd", topUpBudget: { total: 100_000 } }],
    ]) {
      const { store } = storage((key) => key.includes(`spent ${name} `));
      const { told, pay } = client({ store, policy });
      await assert.rejects(pay(`${liar.url}/thing`), { name: "QuotaExceededError" });
      assert.deepEqual([liar.payments(), told], [[], []], name);
    }
    const unread = { get: () => Promise.reject(new Error("gone")), set: () => {} };
    await assert.rejects(client({ store: unread }).pay(`${liar.url}/thing`), { message: "gone" });
    assert.deepEqual(liar.payments(), []);
  });
});

test("what cannot be taken out of a budget again stays counted, and the answer is there", async () => {
  const reversed = paid({ success: false }, { status: 500, body: "broken" });
  for (const [answer, status, sums] of [
    [reversed, 500, [100, 50_000]],
    [challenge({}, { error: "card_declined" }), 402, [100, 50_000]],
  ]) {
    await against(
      ({ payment }) => (payment ? answer : challenge()),
      async (liar) => {
        let full = false;
        const { held, store } = storage(() => full);
        const onPaymentRequired = () => CARD;
        const fetches = async (url, init) => {
          const response = await fetch(url, init);
          full = new Headers(init.headers).has("payment");
          return response;
        };
        const policy = { currency: "usd", budget: { total: 1000 }, topUpBudget: { total: 100_000 } };
        const { told, pay } = client({ store, policy, onPaymentRequired, fetch: fetches });
        assert.equal((await pay(`${liar.url}/thing`)).status, status);
        assert.ok(told.some(([{ message }]) => /taken out of the budget; it stays counted/.test(message)));
        const total = (budget) => JSON.parse(held.get(`stripe402 spent ${budget} usd`))["total "];
        assert.deepEqual([total("budget"), total("top_up_budget")], sums);
      },
    );
  }
});

test("an onReceipt that throws, rejects or never ends takes no answer away", async () => {
  await against(sells, async (liar) => {
    for (const [onReceipt, failures] of [
      [() => assert.fail("mine"), 2],
      [() => Promise.reject(new TypeError("mine")), 2],
      [() => new Promise(() => {}), 0],
    ]) {
      const { asked, told, pay } = client({ onReceipt });
      for (const _ of [1, 2]) assert.equal(await (await pay(`${liar.url}/thing`)).text(), "served");
      await new Promise((done) => setTimeout(done));
      assert.deepEqual([asked.length, told.length], [1, failures]);
      for (const [error] of told) assert.match(error.message, /^onReceipt failed\. \(\w+Error\)$/);
    }
  });
});

test("without onError the console is warned, without a secret; one that fails changes nothing", async (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  await against(sells, async (liar) => {
    const { store } = storage((key) => key.includes("client"));
    const url = `${liar.url}/thing?secret=1`;
    assert.equal((await client({ store, onError: undefined }).pay(url)).status, 200);
    const [{ arguments: said }] = warned.mock.calls;
    assert.equal(said.length, 1);
    assert.match(said[0], /^stripe402: http:\/\/127\.0\.0\.1:\d+: The client id could not be stored/);
    assert.ok(![CLIENT, "secret=1", CARD.paymentMethodId].some((secret) => said[0].includes(secret)));
    for (const onError of [() => assert.fail("mine"), () => Promise.reject(new Error("mine"))]) {
      assert.equal((await client({ store, onError }).pay(url)).status, 200);
    }
    assert.equal(warned.mock.callCount(), 1);
  });
});

test("axios: a store that fails and an onReceipt that throws take no answer away", async () => {
  await against(sells, async (liar) => {
    const { store } = storage((key) => key.includes("client"));
    const create = (config) => createStripe402Axios(axios.create(), config);
    const onReceipt = () => assert.fail("mine");
    const { asked, told, pay } = client({ store, onReceipt }, create);
    for (const _ of [1, 2]) assert.equal((await pay.get(`${liar.url}/thing`)).data, "served");
    assert.deepEqual([asked.length, told.length], [1, 4]);
  });
});
