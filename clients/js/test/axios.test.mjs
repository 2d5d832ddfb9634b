// The adapter for axios: against the real Worker, and against a server that lies.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import axios, { AxiosHeaders } from "axios";
import { createStripe402Axios } from "../axios.js";
import { CLIENT, against, challenge, paid } from "./support/liar.mjs";
import { startPaywall } from "./support/paywall.mjs";

let paywall;
before(async () => {
  paywall = await startPaywall();
});
after(() => paywall.stop());

const CARD = { paymentMethodId: "pm_card_visa" };

/** An instance with a card of its own. */
async function client(name, more = {}, defaults = {}) {
  const paymentMethodId = await paywall.card(`axios_${name}`);
  const receipts = [];
  const config = { onPaymentRequired: () => ({ paymentMethodId }), onReceipt: (one) => receipts.push(one), ...more };
  const instance = axios.create({ baseURL: paywall.url, ...defaults });
  assert.equal(createStripe402Axios(instance, config), instance);
  return { instance, receipts, paymentMethodId };
}

for (const adapter of ["http", "fetch"]) {
  test(`${adapter}: a card is charged once, the credits pay from then on`, async () => {
    const { instance, receipts, paymentMethodId } = await client(`flow_${adapter}`, {}, { adapter });
    for (const _ of [1, 2]) {
      const { data, status, config } = await instance.get("/api/joke", { params: { lang: "en" } });
      assert.ok(data.joke, "parsed, as axios does it");
      assert.equal(status, 200);
      assert.ok(!JSON.stringify(config.headers).includes("payment"), "the payment stays out of what is logged");
    }
    assert.deepEqual(
      receipts.map(({ creditsRemaining }) => creditsRemaining),
      [49_900, 49_800],
    );
    assert.equal((await paywall.charges(paymentMethodId)).length, 1);
  });

  test(`${adapter}: parallel requests with an empty balance make one payment`, async () => {
    const { instance, receipts, paymentMethodId } = await client(`parallel_${adapter}`, {}, { adapter });
    const answers = await Promise.all(Array.from({ length: 8 }, () => instance.get("/api/joke")));
    assert.ok(answers.every(({ data }) => data.joke));
    assert.equal(Math.min(...receipts.map(({ creditsRemaining }) => creditsRemaining)), 49_200);
    assert.equal((await paywall.charges(paymentMethodId)).length, 1);
  });

  test(`${adapter}: bodies of every kind are sent twice`, async () => {
    const { instance } = await client(`bodies_${adapter}`, {}, { adapter });
    for (const [body, bytes] of [
      [{ text: "hola" }, 15],
      ["hola", 4],
      [Buffer.from("hola"), 4],
      [new URLSearchParams({ a: "b" }), 3],
    ]) {
      assert.equal((await instance.post("/sink", body)).data.bytes, bytes);
    }
    const form = new FormData();
    form.set("field", "value");
    assert.ok((await instance.post("/sink", form)).data.bytes > 100);
    await assert.rejects(instance.post("/sink", Readable.from(["once"])), { reason: "body_not_replayable" });
    const { instance: buffers } = await client(`buffers_${adapter}`, { bufferBody: true }, { adapter });
    assert.equal((await buffers.post("/sink", Readable.from(["on", "ce"]))).data.bytes, 4);
  });

  test(`${adapter}: a redirect of a paid answer is followed without the payment`, async () => {
    const { instance } = await client(`redirect_${adapter}`, {}, { adapter });
    assert.deepEqual((await instance.get("/redirect", { params: { to: "/api/health" } })).data, { ok: true });
    await against(
      () => ({ body: "elsewhere" }),
      (other) =>
        against(
          ({ payment }) => (payment ? paid({}, { status: 307, headers: { location: `${other.url}/x` } }) : challenge()),
          async (liar) => {
            const pays = createStripe402Axios(axios.create({ adapter }), { onPaymentRequired: () => CARD });
            const headers = { authorization: "Bearer secret", "x-test": "1" };
            assert.equal((await pays.post(`${liar.url}/thing`, "body", { headers })).data, "elsewhere");
            const [{ payment, body, headers: seen }] = other.seen;
            assert.deepEqual([payment, body, seen.authorization, seen["x-test"]], [undefined, "body", undefined, "1"]);
          },
        ),
    );
  });

  test(`${adapter}: a challenge of another origin, behind a redirect, is not paid there`, async () => {
    await against(
      ({ payment }) => (payment ? paid() : challenge()),
      (other) =>
        against(
          () => ({ status: 302, headers: { location: `${other.url}/thing` } }),
          async (liar) => {
            const pays = createStripe402Axios(axios.create({ adapter }), { onPaymentRequired: () => CARD });
            await pays.get(`${liar.url}/thing`).catch(() => {});
            assert.deepEqual(other.payments(), []);
          },
        ),
    );
  });
}

test("what is not paid is thrown as axios throws it, and validateStatus has the last word", async () => {
  const { instance } = await client("declines", { onPaymentRequired: () => null });
  await assert.rejects(instance.get("/api/joke"), (error) => {
    assert.ok(axios.isAxiosError(error));
    assert.deepEqual([error.code, error.response.status], ["ERR_BAD_REQUEST", 402]);
    assert.equal(error.response.data.accepts[0].amount, 100, "parsed, as axios does it");
    return true;
  });
  assert.equal((await instance.get("/api/joke", { validateStatus: () => true })).status, 402);
  const { instance: pays } = await client("fails");
  await assert.rejects(pays.get("/status/500"), { code: "ERR_BAD_RESPONSE" });
  assert.equal((await pays.get("/status/500", { validateStatus: null })).status, 500);
});

test("every kind of answer arrives", async () => {
  const { instance } = await client("answers");
  const get = async (responseType) => (await instance.get("/api/joke", { responseType })).data;
  assert.ok((await get("json")).joke);
  assert.match(await get("text"), /"joke"/);
  assert.match(Buffer.from(await get("arraybuffer")).toString(), /"joke"/);
  const chunks = [];
  for await (const chunk of await get("stream")) chunks.push(chunk);
  assert.match(Buffer.concat(chunks).toString(), /"joke"/);
});

test("the policy, a price that changes, and a wrong client id are seen as with fetch", async () => {
  const create = (config) => createStripe402Axios(axios.create(), { onPaymentRequired: () => CARD, ...config });
  await against(
    ({ payment }) => (payment ? challenge({ amount: 101 }, { error: "insufficient_credits" }) : challenge()),
    async (liar) => {
      await assert.rejects(create({ clientId: CLIENT }).get(liar.url), { rule: "price_changed" });
      await assert.rejects(create({ policy: { currency: "usd", maxPrice: 99 } }).get(liar.url), { rule: "max_price" });
      assert.equal(liar.payments().length, 1);
    },
  );
  await against(
    ({ payment }) => (payment ? paid({ clientId: "d".repeat(64) }) : challenge()),
    async (liar) => {
      const instance = create({ clientId: CLIENT });
      for (const _ of [1, 2]) await instance.get(liar.url);
      assert.deepEqual(
        liar.payments().map(({ clientId }) => clientId),
        [CLIENT, CLIENT],
      );
    },
  );
});

test("503 gets the same payment again; an abort ends the wait as axios ends it", async () => {
  await against(
    ({ payment }, nth) =>
      !payment ? challenge() : nth < 4 ? { status: 503, headers: { "retry-after": "0" } } : paid(),
    async (liar) => {
      const instance = createStripe402Axios(axios.create(), { onPaymentRequired: () => CARD });
      assert.equal((await instance.get(liar.url)).status, 200);
      assert.equal(new Set(liar.seen.map(({ headers }) => headers.payment).filter(Boolean)).size, 1);
    },
  );
  await against(
    () => challenge(),
    async (liar) => {
      const instance = createStripe402Axios(axios.create(), { onPaymentRequired: () => new Promise(() => {}) });
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 30);
      await assert.rejects(instance.get(liar.url, { signal: controller.signal }), (error) => axios.isCancel(error));
    },
  );
});

test("3-D Secure is asked of the payer", async () => {
  const paymentMethodId = await paywall.card("axios_secure", { behaviour: "pm_card_authenticationRequired" });
  const onAction = async ({ clientSecret }) => {
    const intent = clientSecret.split("_secret_")[0];
    await paywall.order(`/_testbed/payment_intents/${intent}/authenticate`, { outcome: "success" });
    return true;
  };
  const instance = axios.create({ baseURL: paywall.url });
  createStripe402Axios(instance, { onPaymentRequired: () => ({ paymentMethodId }), onAction });
  assert.equal((await instance.get("/api/joke")).status, 200);
});

test("an error on the way tells nobody the payment", async () => {
  await against(
    () => challenge(),
    async (liar) => {
      const failing = async (config) => {
        if (!AxiosHeaders.from(config.headers).has("payment")) return axios.getAdapter("http")(config);
        throw new axios.AxiosError("broken", "ECONNRESET", config);
      };
      const instance = createStripe402Axios(axios.create({ adapter: failing }), {
        ...{ onPaymentRequired: () => CARD, clientId: CLIENT },
      });
      await assert.rejects(instance.get(liar.url), (error) => {
        assert.equal(error.message, "broken");
        assert.ok(!JSON.stringify(error).includes("payment"));
        return true;
      });
    },
  );
});

test("whoever pays by hand is left alone; what is no instance is refused", async () => {
  await against(
    () => challenge(),
    async (liar) => {
      const instance = createStripe402Axios(axios.create(), { onPaymentRequired: () => CARD });
      await assert.rejects(instance.get(liar.url, { headers: { payment: "e30=" } }), { code: "ERR_BAD_REQUEST" });
      assert.equal(liar.seen.length, 1);
    },
  );
  assert.throws(() => createStripe402Axios({}, { onPaymentRequired: () => CARD }), /needs an axios instance/);
  assert.throws(
    () => createStripe402Axios(axios.create(), { onPaymentRequired: () => CARD, fetch }),
    /fetch is not an option/,
  );
});
