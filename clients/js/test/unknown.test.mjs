// Payments whose outcome is not known: 503 with Retry-After, connections that break, callers who give up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStripe402Fetch } from "../index.js";
import { CLIENT, against, challenge, paid } from "./support/liar.mjs";

const CARD = { paymentMethodId: "pm_card_visa" };
const undecided = (retryAfter) => ({
  status: 503,
  headers: retryAfter === undefined ? {} : { "retry-after": retryAfter },
});

/** A configuration whose waits are noted, not waited for. */
function client(more = {}) {
  const [asked, slept] = [[], []];
  const onPaymentRequired = async (requirements) => (asked.push(requirements), CARD);
  const sleep = async (milliseconds) => void slept.push(milliseconds);
  const store = new Map();
  return { asked, slept, store, pay: createStripe402Fetch({ onPaymentRequired, sleep, store, ...more }) };
}

test("503 with Retry-After gets the same payment again, byte for byte", async () => {
  const answer = ({ payment }, nth) => (!payment ? challenge() : nth < 5 ? undecided(String(nth)) : paid());
  await against(answer, async (liar) => {
    const { asked, slept, pay } = client();
    assert.equal((await pay(`${liar.url}/thing`)).status, 200);
    assert.deepEqual(slept, [2000, 3000, 4000]);
    assert.equal(asked.length, 1);
    const headers = liar.seen.map(({ headers }) => headers.payment).filter(Boolean);
    assert.deepEqual([headers.length, new Set(headers).size], [4, 1]);
  });
});

test("the wait is bounded, and so is the number of attempts", async () => {
  for (const [config, retryAfter, slept, sent] of [
    [{}, "1", [1000, 1000, 1000, 1000, 1000], 6],
    [{ retries: 0 }, "1", [], 1],
    [{ retries: 2 }, undefined, [2000, 2000], 3],
    [{ maxRetryWait: 2500 }, "1", [1000, 1000], 3],
    [{}, "3600", [], 1],
    [{ retries: 1 }, new Date(Date.now() + 3600_000).toUTCString(), [], 1],
    [{ retries: 1 }, "Thu, 01 Jan 1970 00:00:00 GMT", [0], 2],
    [{ retries: 1 }, "soon", [2000], 2],
  ]) {
    await against(
      ({ payment }) => (payment ? undecided(retryAfter) : challenge()),
      async (liar) => {
        const { slept: waits, pay } = client(config);
        assert.equal((await pay(`${liar.url}/thing`)).status, 503);
        assert.deepEqual([waits, liar.payments().length], [slept, sent], JSON.stringify({ config, retryAfter }));
      },
    );
  }
});

test("503 of the origin, after a reversal, is the answer", async () => {
  const reversed = paid(
    { success: false, error: "Nothing was served." },
    { status: 503, headers: { "retry-after": "1" } },
  );
  await against(
    ({ payment }) => (payment ? reversed : challenge()),
    async (liar) => {
      const policy = { currency: "usd", budget: { total: 100 } };
      const { pay } = client({ clientId: CLIENT, policy });
      for (const _ of [1, 2]) assert.equal((await pay(`${liar.url}/thing`)).status, 503);
      assert.equal(liar.payments().length, 2, "once each; what was given back does not count against the budget");
    },
  );
});

test("503 without a payment is nobody's business here", async () => {
  await against(
    () => undecided("1"),
    async (liar) => {
      assert.equal((await client().pay(`${liar.url}/thing`)).status, 503);
      assert.equal(liar.seen.length, 1);
    },
  );
});

test("the next call sends the payment that is still open, and does not ask for another", async () => {
  let known = false;
  await against(
    ({ payment }) => (!payment ? challenge() : known ? paid({ chargeId: "pi_1" }) : undecided("1")),
    async (liar) => {
      const policy = { currency: "usd", topUpBudget: { total: 50_000 } };
      const { asked, pay } = client({ retries: 1, policy });
      assert.equal((await pay(`${liar.url}/thing`)).status, 503);
      known = true;
      assert.equal((await pay(`${liar.url}/thing`)).status, 200);
      assert.equal(asked.length, 1);
      assert.equal(new Set(liar.seen.map(({ headers }) => headers.payment).filter(Boolean)).size, 1);
      assert.equal((await pay(`${liar.url}/thing`)).status, 200, "by credits");
    },
  );
});

test("too many attempts does not close a payment that is still open", async () => {
  let last = undecided("1");
  await against(
    ({ payment }) => (payment ? last : challenge()),
    async (liar) => {
      const { asked, pay } = client({ retries: 0 });
      assert.equal((await pay(`${liar.url}/thing`)).status, 503);
      last = { status: 429, headers: { "retry-after": "60" } };
      assert.equal((await pay(`${liar.url}/thing`)).status, 429);
      last = paid();
      assert.equal((await pay(`${liar.url}/thing`)).status, 200);
      assert.equal(asked.length, 1);
    },
  );
});

/** A first attempt that charged the card, and whose answer got lost; then answers of the caller's choice. */
async function lostAnswer(then, test, more = {}) {
  const state = { then };
  let lost = false;
  const fetches = async (url, init) => {
    const response = await fetch(url, init);
    if (lost || !new Headers(init.headers).has("payment")) return response;
    lost = true;
    await response.body.cancel();
    throw new TypeError("fetch failed");
  };
  const answer = ({ payment, path }) => {
    if (!payment) return challenge(state.terms);
    return lost ? state.then({ payment, path }) : paid({ chargeId: "pi_1" });
  };
  await against(answer, async (liar) => {
    const policy = { currency: "usd", budget: { total: 250 }, topUpBudget: { total: 50_000 }, ...more };
    const { asked, pay, store } = client({ fetch: fetches, policy });
    const buy = (path = "/thing") => pay(`${liar.url}${path}`, { headers: { "idempotency-key": "one" } });
    await assert.rejects(buy(), { message: "fetch failed" });
    await test({ liar, asked, buy, state, store });
  });
}

/** What is counted in all. */
const counted = (store, budget) => JSON.parse(store.get(`stripe402 spent ${budget} usd`))["total "];

test("409 gives nothing back: what its Idempotency-Key stands for was paid, and the card was charged", async () => {
  for (const title of ["Already answered", "Still running"]) {
    const conflict = { status: 409, headers: { "retry-after": "1" }, body: JSON.stringify({ title }) };
    await lostAnswer(
      () => conflict,
      async ({ liar, asked, buy, state, store }) => {
        assert.equal((await buy()).status, 409);
        assert.deepEqual([counted(store, "budget"), counted(store, "top_up_budget")], [200, 50_000], title);
        state.then = () => paid();
        await assert.rejects(buy(), { rule: "budget" });
        assert.deepEqual([asked.length, liar.payments().length], [1, 2]);
      },
    );
  }
});

test("a payment that is still open is not closed by what says nothing of its charge", async () => {
  const says = (error, more = {}) => challenge({}, { error, ...more });
  for (const answer of [
    { status: 409 },
    { status: 404 },
    { status: 405 },
    { status: 429 },
    says(undefined),
    says("insufficient_credits"),
    says("invalid_payment"),
    says("top_up_below_minimum"),
    says("payment_failed", { accepts: [] }),
    challenge({ amount: 101 }, { error: "card_declined" }),
    { status: 402, headers: { "payment-required": "?" } },
  ]) {
    await lostAnswer(
      ({ path }) => (path === "/other" ? answer : paid()),
      async ({ liar, asked, buy, store }) => {
        await buy("/other").catch(({ name }) => assert.match(name, /^(SpendPolicy|Stripe402)Error$/));
        assert.equal(counted(store, "top_up_budget"), 50_000, JSON.stringify(answer));
        assert.equal((await buy("/thing")).status, 200);
        assert.equal(asked.length, 1);
        assert.deepEqual(liar.payments()[2], liar.payments()[0], "the same payment");
        assert.equal(counted(store, "top_up_budget"), 50_000, "it charged the first time");
      },
      { budget: { total: 1000 } },
    );
  }
});

test("a payment that is still open is closed by what says that its card was not charged", async () => {
  for (const error of ["card_declined", "payment_failed"]) {
    await lostAnswer(
      () => challenge({}, { error }),
      async ({ asked, buy, state, store }) => {
        assert.equal((await buy()).status, 402);
        assert.equal(counted(store, "top_up_budget"), 0, error);
        state.then = () => paid({ chargeId: "pi_2" });
        assert.equal((await buy()).status, 200);
        assert.equal(asked.length, 2);
      },
    );
  }
});

test("where an open payment does not fit, the payer is asked for another; the open one stays counted", async () => {
  await lostAnswer(
    () => challenge({}, { error: "invalid_payment" }),
    async ({ asked, buy, state, store }) => {
      assert.equal((await buy("/other")).status, 402);
      assert.equal(asked.length, 1);
      state.then = () => paid({ chargeId: "pi_2" });
      assert.equal((await buy("/other")).status, 200);
      assert.deepEqual([asked.length, counted(store, "top_up_budget")], [2, 100_000]);
    },
    { topUpBudget: { total: 100_000 } },
  );
});

test("a refusal after 503 does not say that nothing was charged", async () => {
  for (const then of [{ status: 409 }, { status: 429 }, challenge({ amount: 101 })]) {
    let nth = 0;
    await against(
      ({ payment }) => (!payment ? challenge() : (nth += 1) === 1 ? undecided("0") : nth === 2 ? then : paid()),
      async (liar) => {
        const policy = { currency: "usd", topUpBudget: { total: 50_000 } };
        const { asked, pay, store } = client({ policy });
        await pay(`${liar.url}/thing`).catch(({ rule }) => assert.equal(rule, "price_changed"));
        assert.equal(counted(store, "top_up_budget"), 50_000);
        assert.equal((await pay(`${liar.url}/thing`)).status, 200);
        assert.deepEqual([asked.length, counted(store, "top_up_budget")], [1, 50_000]);
      },
    );
  }
});

test("what was asked of the payer's bank may have gone through, whatever is answered then", async () => {
  let answer = { ...challenge({}, { error: "card_declined" }), body: "" };
  answer.body = JSON.stringify({ action: { type: "stripe_handle_next_action", clientSecret: "pi_1_secret_2" } });
  await against(
    ({ payment }) => (payment ? answer : challenge()),
    async (liar) => {
      const policy = { currency: "usd", topUpBudget: { total: 50_000 } };
      const onAction = () => ((answer = { status: 429 }), true);
      const { asked, pay, store } = client({ policy, onAction });
      assert.equal((await pay(`${liar.url}/thing`)).status, 429);
      assert.equal(counted(store, "top_up_budget"), 50_000);
      answer = paid({ chargeId: "pi_1" });
      assert.equal((await pay(`${liar.url}/thing`)).status, 200);
      assert.equal(asked.length, 1);
    },
  );
});

test("429 is the answer at once, and nothing counts as spent", async () => {
  await against(
    ({ payment }) => (payment ? { status: 429, headers: { "retry-after": "1" } } : challenge()),
    async (liar) => {
      const policy = { currency: "usd", budget: { total: 100 }, topUpBudget: { total: 50_000 } };
      const { slept, pay } = client({ policy });
      for (const _ of [1, 2]) assert.equal((await pay(`${liar.url}/thing`)).status, 429);
      assert.deepEqual([slept, liar.payments().length], [[], 2]);
    },
  );
});

test("a stream that was sent ahead is not sent again", async () => {
  let answer = paid();
  await against(
    ({ payment }) => (payment ? answer : challenge()),
    async (liar) => {
      const { slept, pay } = client({ payAhead: true });
      const call = (body) => pay(`${liar.url}/thing`, { method: "POST", body, duplex: "half" });
      await call("known from now on");
      answer = undecided("0");
      assert.equal((await call(new Response("once").body)).status, 503);
      assert.deepEqual([slept, liar.seen.at(-1).body], [[], "once"]);
    },
  );
});

test("who gives up before the payment is sent has not spent anything", async () => {
  await against(
    ({ payment }) => (payment ? paid({ chargeId: "pi_1" }) : challenge()),
    async (liar) => {
      const controller = new AbortController();
      const sums = new Map();
      const set = (key, value) => {
        sums.set(key, value);
        if (key.includes("top_up_budget")) controller.abort(new Error("enough"));
      };
      const policy = { currency: "usd", budget: { total: 100 }, topUpBudget: { total: 50_000 } };
      const { asked, pay } = client({ store: { get: (key) => sums.get(key), set }, policy });
      await assert.rejects(pay(`${liar.url}/thing`, { signal: controller.signal }), { message: "enough" });
      assert.deepEqual(liar.payments(), []);
      assert.equal((await pay(`${liar.url}/thing`)).status, 200);
      assert.equal(asked.length, 2, "the payment that was given up is not kept");
    },
  );
});

test("a connection that breaks leaves the payment open and the money counted", async () => {
  let breaks = true;
  const fetches = async (url, init) => {
    if (breaks && new Headers(init.headers).has("payment")) throw new TypeError("fetch failed");
    return fetch(url, init);
  };
  await against(
    ({ payment }) => (payment ? paid({ chargeId: "pi_1" }) : challenge()),
    async (liar) => {
      const policy = { currency: "usd", budget: { total: 199 }, topUpBudget: { total: 50_000 } };
      const { asked, pay } = client({ fetch: fetches, policy });
      await assert.rejects(pay(`${liar.url}/thing`), { message: "fetch failed" });
      breaks = false;
      await assert.rejects(pay(`${liar.url}/thing`), { rule: "budget" }, "the first may have been paid");
      assert.equal(asked.length, 1);
    },
  );
});

test("an abort ends the wait for the payer, for a retry and for one's turn; the others go on", async () => {
  const abort = () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 30);
    return { signal: controller.signal };
  };
  await against(
    ({ payment }) => (payment ? undecided("60") : challenge()),
    async (liar) => {
      const never = () => new Promise(() => {});
      const asks = createStripe402Fetch({ onPaymentRequired: never });
      await assert.rejects(asks(`${liar.url}/thing`, abort()), { message: "enough" });
      assert.deepEqual(liar.payments(), []);
      const waits = createStripe402Fetch({ onPaymentRequired: () => CARD, sleep: never });
      await assert.rejects(waits(new Request(`${liar.url}/thing`, abort())), { message: "enough" });
      assert.equal(liar.payments().length, 1);
      await assert.rejects(waits(`${liar.url}/thing`, { signal: AbortSignal.abort(new Error("before")) }), {
        message: "before",
      });
    },
  );
  await against(
    ({ payment }) => (payment ? paid() : challenge()),
    async (liar) => {
      let choose;
      const pay = createStripe402Fetch({ onPaymentRequired: () => new Promise((done) => (choose = done)) });
      const first = pay(`${liar.url}/thing`);
      await assert.rejects(pay(`${liar.url}/thing`, abort()), { message: "enough" });
      const third = pay(`${liar.url}/thing`);
      choose(CARD);
      assert.deepEqual([(await first).status, (await third).status], [200, 200]);
      assert.equal(liar.payments().filter(({ paymentMethodId }) => paymentMethodId).length, 1);
    },
  );
});
