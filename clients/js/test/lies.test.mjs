// A server that lies: what it is paid, and what it is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStripe402Fetch, encodeHeader } from "../index.js";
import { CLIENT, WAY, against, challenge, paid } from "./support/liar.mjs";

const CARD = { paymentMethodId: "pm_card_visa" };
const PAYS = { onPaymentRequired: async () => CARD };
const rule = (name) => ({ name: "SpendPolicyError", code: "payment_required", reason: "policy", rule: name });

/** A payer that counts how often it was asked. */
function payer() {
  const asked = [];
  return { asked, onPaymentRequired: async (requirements) => (asked.push(requirements), CARD) };
}

for (const [what, change] of [
  ["price", { amount: 101 }],
  ["currency", { currency: "eur" }],
  ["smallest top-up", { minTopUp: 60_000 }],
  ["Stripe account", { publishableKey: "pk_test_other" }],
]) {
  test(`another ${what} after the credits were tried is not paid`, async () => {
    const answer = ({ payment }) => (payment ? challenge(change, { error: "insufficient_credits" }) : challenge());
    await against(answer, async (liar) => {
      const { asked, onPaymentRequired } = payer();
      const pay = createStripe402Fetch({ onPaymentRequired, clientId: CLIENT });
      await assert.rejects(pay(`${liar.url}/thing`), rule("price_changed"));
      assert.deepEqual(liar.payments(), [{ stripe402Version: 1, clientId: CLIENT }]);
      assert.equal(asked.length, 0);
    });
  });

  test(`another ${what} after the card was sent is not paid`, async () => {
    await against(
      ({ payment }) => challenge(payment ? change : {}),
      async (liar) => {
        const { asked, onPaymentRequired } = payer();
        const policy = { currency: "usd", budget: { total: 100 }, topUpBudget: { total: 50_000 } };
        const pay = createStripe402Fetch({ onPaymentRequired, policy });
        await assert.rejects(pay(`${liar.url}/thing`), rule("price_changed"));
        assert.equal(liar.payments().length, 1);
        // Refused is not spent: the budgets still suffice for one.
        await assert.rejects(pay(`${liar.url}/thing`), rule("price_changed"));
        assert.equal(asked.length, 2);
      },
    );
  });
}

test("the top-up is always named, so that no more can be charged than was agreed to", async () => {
  await against(
    ({ payment }) => (payment ? paid({ chargeId: "pi_1" }) : challenge()),
    async (liar) => {
      await createStripe402Fetch(PAYS)(`${liar.url}/thing`);
      assert.deepEqual(liar.payments(), [{ stripe402Version: 1, ...CARD, topUpAmount: 50_000 }]);
    },
  );
});

test("a server that asks for ever is paid once, and its 402 is the answer", async () => {
  for (const error of [undefined, "insufficient_credits", "card_declined", "payment_failed"]) {
    await against(
      () => challenge({}, { error }),
      async (liar) => {
        const { asked, onPaymentRequired } = payer();
        const pay = createStripe402Fetch({ onPaymentRequired, clientId: CLIENT });
        assert.equal((await pay(`${liar.url}/thing`)).status, 402);
        const isInsufficient = error === "insufficient_credits";
        assert.equal(asked.length, isInsufficient ? 1 : 0, error);
        assert.equal(liar.seen.length, isInsufficient ? 3 : 2, error);
      },
    );
  }
});

test("parallel requests to a server that asks for ever do not go on for ever", async () => {
  await against(
    () => challenge({}, { error: "card_declined" }),
    async (liar) => {
      const { asked, onPaymentRequired } = payer();
      const pay = createStripe402Fetch({ onPaymentRequired });
      const answers = await Promise.all(Array.from({ length: 8 }, () => pay(`${liar.url}/thing`)));
      assert.deepEqual(
        answers.map(({ status }) => status),
        Array(8).fill(402),
      );
      assert.equal(asked.length, 1, "a declined card is not tried by those who waited for it");
      assert.equal(liar.payments().length, 1);
    },
  );
});

test("a payer who declines is not asked again by those who wait, unless their price is another", async () => {
  const prices = { "/cheap": 100, "/dear": 5000 };
  const answer = async ({ path, payment }) => {
    if (path === "/cheap") await new Promise((done) => setTimeout(done, 100));
    return payment ? paid() : challenge({ amount: prices[path] });
  };
  await against(answer, async (liar) => {
    const asked = [];
    const onPaymentRequired = async ({ amount }) => (asked.push(amount), amount > 1000 ? null : CARD);
    const pay = createStripe402Fetch({ onPaymentRequired });
    const paths = ["/dear", "/dear", "/dear", "/cheap", "/cheap"];
    const answers = await Promise.all(paths.map((path) => pay(`${liar.url}${path}`)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [402, 402, 402, 200, 200],
    );
    assert.deepEqual(asked, [5000, 100]);
  });
});

test("a receipt with somebody else's client id, or none that is one, changes nothing", async () => {
  for (const clientId of ["d".repeat(64), "", "c".repeat(63), "C".repeat(64), `${CLIENT}\n`]) {
    await against(
      ({ payment }) => (payment ? paid({ clientId }) : challenge()),
      async (liar) => {
        const receipts = [];
        const store = new Map();
        const onReceipt = (receipt) => receipts.push(receipt);
        const pay = createStripe402Fetch({ ...PAYS, clientId: CLIENT, store, onReceipt });
        for (const _ of [1, 2]) assert.equal(await (await pay(`${liar.url}/thing`)).text(), "served");
        assert.deepEqual(
          liar.payments().map((payment) => payment.clientId),
          [CLIENT, CLIENT],
          clientId,
        );
        assert.deepEqual([receipts, store.size], [[], 0]);
      },
    );
  }
});

test("a client id that is none is not kept, though a card was charged for it", async () => {
  await against(
    ({ payment }) => (payment ? paid({ clientId: "../../secrets", chargeId: "pi_1" }) : challenge()),
    async (liar) => {
      const store = new Map();
      assert.equal((await createStripe402Fetch({ ...PAYS, store })(`${liar.url}/thing`)).status, 200);
      assert.equal(store.size, 0);
    },
  );
});

test("a receipt on an answer that nobody paid for is not believed", async () => {
  await against(
    () => paid({ clientId: "d".repeat(64) }),
    async (liar) => {
      const store = new Map();
      await createStripe402Fetch({ ...PAYS, store })(`${liar.url}/thing`);
      assert.equal(store.size, 0);
    },
  );
});

test("a garbled challenge is an error, before anything is paid", async () => {
  for (const header of ["?", "e30", encodeHeader({ stripe402Version: 9 }), encodeHeader([])]) {
    await against(
      () => ({ status: 402, headers: { "payment-required": header } }),
      async (liar) => {
        const call = createStripe402Fetch({ ...PAYS, clientId: CLIENT })(`${liar.url}/thing`);
        // {} is an object without a version: another protocol's, left to the caller.
        if (header === "e30") assert.equal((await call).status, 402);
        else await assert.rejects(call, { name: "Stripe402Error", reason: "invalid_challenge" });
        assert.deepEqual(liar.payments(), []);
      },
    );
  }
});

test("a garbled receipt does not take the answer away", async () => {
  const answer = ({ payment }) => (payment ? { body: "served", headers: { "payment-response": "?" } } : challenge());
  await against(answer, async (liar) => {
    const response = await createStripe402Fetch(PAYS)(`${liar.url}/thing`);
    assert.equal(await response.text(), "served");
  });
});

test("the answers that nobody gets to read do not hold their connections", async () => {
  await against(
    ({ payment }) => (payment ? paid() : { ...challenge(), body: "x".repeat(100_000) }),
    async (liar) => {
      const unread = [];
      const fetches = async (...request) => {
        const response = await fetch(...request);
        if (response.status === 402) unread.push(response);
        return response;
      };
      await createStripe402Fetch({ ...PAYS, fetch: fetches })(`${liar.url}/thing`);
      const refuses = createStripe402Fetch({ ...PAYS, fetch: fetches, policy: { currency: "usd", maxPrice: 1 } });
      await assert.rejects(refuses(`${liar.url}/thing`), rule("max_price"));
      assert.equal(unread.length, 2);
      for (const response of unread) assert.equal((await response.body.getReader().read()).done, true);
    },
  );
});

test("where paying does not help, nobody is asked to pay", async () => {
  const frozen = challenge({}, { accepts: [], error: "payment_failed" });
  await against(
    ({ payment }) => (payment ? frozen : challenge()),
    async (liar) => {
      const { asked, onPaymentRequired } = payer();
      const pay = createStripe402Fetch({ onPaymentRequired, clientId: CLIENT });
      assert.equal((await pay(`${liar.url}/thing`)).status, 402);
      assert.deepEqual([asked.length, liar.payments().length], [0, 1]);
    },
  );
  await against(
    () => frozen,
    async (liar) => {
      assert.equal((await createStripe402Fetch(PAYS)(`${liar.url}/thing`)).status, 402);
      assert.equal(liar.seen.length, 1);
    },
  );
});

test("a 402 of another protocol, and one without a challenge, is left alone", async () => {
  for (const headers of [{}, { "payment-required": encodeHeader({ x402Version: 2, accepts: [{ ...WAY }] }) }]) {
    await against(
      () => ({ status: 402, headers, body: "pay" }),
      async (liar) => {
        const response = await createStripe402Fetch({ ...PAYS, clientId: CLIENT })(`${liar.url}/thing`);
        assert.equal(await response.text(), "pay");
        assert.equal(liar.seen.length, 1);
      },
    );
  }
});

test("a client id goes to its own origin alone", async () => {
  const answer = ({ payment }) => (payment ? paid({ clientId: payment.clientId ?? "d".repeat(64) }) : challenge());
  await against(answer, (first) =>
    against(answer, async (second) => {
      const pay = createStripe402Fetch({ ...PAYS, clientId: CLIENT });
      await pay(`${first.url}/thing`);
      await pay(`${second.url}/thing`);
      assert.equal(first.payments()[0].clientId, CLIENT);
      assert.deepEqual(second.payments(), [{ stripe402Version: 1, ...CARD, topUpAmount: 50_000 }]);

      const named = createStripe402Fetch({ ...PAYS, clientId: { [second.url]: CLIENT } });
      await named(`${first.url}/thing`);
      await named(`${second.url}/thing`);
      assert.equal(first.payments().at(-1).clientId, undefined);
      assert.equal(second.payments().at(-1).clientId, CLIENT);
    }),
  );
});
