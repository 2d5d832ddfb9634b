// What can be sent: Requests, headers, bodies, redirects; and what goes where.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { createStripe402Fetch, encodeHeader } from "../index.js";
import { CLIENT, against, challenge, paid } from "./support/liar.mjs";

const CARD = { paymentMethodId: "pm_card_visa" };
const PAYS = { onPaymentRequired: () => CARD };
const pay = createStripe402Fetch(PAYS);
const sells = ({ payment, body }) => (payment ? paid({}, { body }) : challenge());
const stream = (text) => new Response(text).body;

test("method, headers and body arrive as they were given, in both requests", async () => {
  const form = new FormData();
  form.set("field", "value");
  for (const [input, init, expected] of [
    [(url) => url, { method: "post", body: "text" }, "text"],
    [(url) => new URL(url), { method: "PUT", body: new TextEncoder().encode("bytes") }, "bytes"],
    [(url) => url, { method: "POST", body: new Blob(["blob"]) }, "blob"],
    [(url) => url, { method: "POST", body: new URLSearchParams({ a: "b c" }) }, "a=b+c"],
    [(url) => url, { method: "POST", body: form }, /name="field"\r\n\r\nvalue/],
    [(url) => new Request(url, { method: "POST", body: "request" }), undefined, "request"],
    [
      (url) => new Request(url, { method: "POST", body: stream("streamed request"), duplex: "half" }),
      {},
      "streamed request",
    ],
    [(url) => new Request(url, { method: "POST", body: "request" }), { body: "init" }, "init"],
    [(url) => new Request(url, { method: "POST", body: "request" }), { method: "PATCH" }, "request"],
  ]) {
    await against(sells, async (liar) => {
      const made = input(`${liar.url}/thing?page=2#part`);
      const headers = init && { headers: { "x-test": "kept", ...(made.headers && { "content-type": "text/plain" }) } };
      const answer = await pay(made, init && { ...init, ...headers });
      const text = await answer.text();
      assert.match(text, expected instanceof RegExp ? expected : new RegExp(`^${expected.replace("+", "\\+")}$`));
      assert.equal(liar.seen.length, 2);
      for (const one of liar.seen) {
        assert.equal(one.path, "/thing?page=2");
        assert.equal(one.method, (init?.method ?? made.method).toUpperCase());
        assert.equal(one.headers["x-test"], init && "kept");
        assert.match(one.body, expected instanceof RegExp ? expected : /./);
      }
      assert.equal(liar.seen[0].payment, undefined);
      assert.ok(!(made instanceof Request) || !made.body || made.bodyUsed || init?.body, "used, as fetch uses it");
    });
  }
});

test("headers may be Headers, pairs or an object, of the call or of the Request", async () => {
  await against(sells, async (liar) => {
    for (const headers of [new Headers({ a: "1" }), [["a", "1"]], { a: "1" }]) {
      await pay(`${liar.url}/thing`, { headers });
      await pay(new Request(`${liar.url}/thing`, { headers }));
      await pay(new Request(`${liar.url}/thing`, { headers: { a: "0" } }), { headers });
    }
    assert.equal(
      liar.seen.every(({ headers }) => headers.a === "1"),
      true,
    );
    assert.ok(liar.seen.length >= 9);
  });
});

test("a body that cannot be sent twice is an error before anything is paid", async () => {
  const bodies = [
    () => stream("once"),
    () => Readable.from(["once"]),
    () =>
      (async function* () {
        yield Buffer.from("once");
      })(),
  ];
  for (const body of bodies) {
    await against(sells, async (liar) => {
      const init = () => ({ method: "POST", body: body(), duplex: "half" });
      const call = createStripe402Fetch({ ...PAYS, clientId: CLIENT })(`${liar.url}/thing`, init());
      await assert.rejects(call, { name: "Stripe402Error", reason: "body_not_replayable", message: /bufferBody/ });
      assert.deepEqual(liar.payments(), []);

      const buffers = createStripe402Fetch({ ...PAYS, bufferBody: true });
      assert.equal(await (await buffers(`${liar.url}/thing`, init())).text(), "once");
      assert.deepEqual(
        liar.seen.map((one) => one.body),
        ["once", "once", "once"],
      );
    });
  }
});

test("a stream to what is free streams, and nobody keeps it", async () => {
  await against(
    () => ({ body: "free" }),
    async (liar) => {
      const answer = await pay(`${liar.url}/thing`, { method: "POST", body: stream("once"), duplex: "half" });
      assert.equal(await answer.text(), "free");
      assert.equal(liar.seen[0].body, "once");
    },
  );
});

test("whoever pays by hand, or asks for something else than http, is left alone", async () => {
  await against(sells, async (liar) => {
    const payment = encodeHeader({ stripe402Version: 1, clientId: CLIENT });
    await pay(`${liar.url}/thing`, { headers: { Payment: payment } });
    assert.deepEqual(
      liar.seen.map((one) => one.headers.payment),
      [payment],
    );
  });
  assert.equal(await (await pay("data:text/plain,hello")).text(), "hello");
  await assert.rejects(pay("/relative"), TypeError);
});

test("the global fetch is looked up late; another may be given in two ways", async () => {
  const sent = [];
  const answers = (name) => async (url) => (sent.push(`${name} ${url}`), new Response("ok"));
  const [config, argument] = [answers("config"), answers("argument")];
  await createStripe402Fetch({ ...PAYS, fetch: config })("https://a.example/x");
  await createStripe402Fetch(PAYS, argument)("https://a.example/x");
  assert.deepEqual(sent, ["config https://a.example/x", "argument https://a.example/x"]);
  const real = globalThis.fetch;
  globalThis.fetch = answers("global");
  try {
    await pay("https://a.example/x");
  } finally {
    globalThis.fetch = real;
  }
  assert.equal(sent[2], "global https://a.example/x");
});

test("a challenge of another origin, behind a redirect, is not paid", async () => {
  await against(sells, (other) =>
    against(
      () => ({ status: 302, headers: { location: `${other.url}/thing` } }),
      async (liar) => {
        await assert.rejects(pay(`${liar.url}/thing`), { name: "SpendPolicyError", rule: "redirect" });
        assert.deepEqual([liar.payments(), other.payments()], [[], []]);
        assert.equal(other.seen.length, 1);
      },
    ),
  );
});

test("a challenge behind a redirect of the same origin is paid where it is", async () => {
  const answer = (one) => (one.path === "/moved" ? { status: 308, headers: { location: "/thing" } } : sells(one));
  await against(answer, async (liar) => {
    for (const input of [`${liar.url}/moved`, new Request(`${liar.url}/moved`, { headers: { a: "1" } })]) {
      assert.equal((await pay(input, { headers: { a: "1" } })).status, 200);
    }
    assert.deepEqual(
      liar.seen.filter(({ payment }) => payment).map(({ path, headers }) => [path, headers.a]),
      [
        ["/thing", "1"],
        ["/thing", "1"],
      ],
    );
    await assert.rejects(pay(`${liar.url}/moved`, { method: "POST", body: "x" }), {
      rule: "redirect",
      message: /Send it there/,
    });
  });
});

test("a paid answer that redirects is followed without the payment, and elsewhere without secrets", async () => {
  await against(
    () => ({ body: "elsewhere" }),
    (other) => {
      const leads = (status, to) => (one) => {
        if (one.path !== "/thing") return { body: "here" };
        return one.payment ? paid({}, { status, headers: { location: to } }) : challenge();
      };
      const headers = { authorization: "Bearer secret", cookie: "a=b", "x-test": "1", "content-type": "text/plain" };
      const call = { method: "POST", body: "body", headers };
      return against(leads(307, `${other.url}/x`), async (liar) => {
        assert.equal(await (await pay(`${liar.url}/thing`, call)).text(), "elsewhere");
        const [seen] = other.seen;
        assert.deepEqual([seen.method, seen.body, seen.payment], ["POST", "body", undefined]);
        assert.deepEqual(
          [seen.headers.authorization, seen.headers.cookie, seen.headers["x-test"]],
          [undefined, undefined, "1"],
        );
      })
        .then(() =>
          against(leads(303, "/other"), async (liar) => {
            for (const input of [[`${liar.url}/thing`, call], [new Request(`${liar.url}/thing`, call)]]) {
              assert.equal(await (await pay(...input)).text(), "here");
              const last = liar.seen.at(-1);
              assert.deepEqual([last.method, last.path, last.body, last.payment], ["GET", "/other", "", undefined]);
              assert.deepEqual(
                [last.headers.authorization, last.headers["content-type"]],
                ["Bearer secret", undefined],
              );
            }
          }),
        )
        .then(() =>
          against(leads(307, "/other"), async (liar) => {
            assert.equal((await pay(new Request(`${liar.url}/thing`, call))).status, 200);
            assert.deepEqual([liar.seen.at(-1).method, liar.seen.at(-1).body], ["POST", "body"]);
            const manual = await pay(`${liar.url}/thing`, { redirect: "manual" });
            assert.deepEqual([manual.status, manual.headers.get("location")], [307, "/other"]);
            await assert.rejects(pay(`${liar.url}/thing`, { redirect: "error" }), { reason: "redirect" });
          }),
        );
    },
  );
});

test("with payAhead, what is known is paid at once; a stream then needs no second try", async () => {
  let amount = 100;
  const answer = ({ payment, body }) => (payment && amount < 200 ? paid({}, { body }) : challenge({ amount }));
  await against(answer, async (liar) => {
    const policy = { currency: "usd", maxPrice: 150, budget: { total: 400 } };
    const ahead = createStripe402Fetch({ ...PAYS, clientId: CLIENT, payAhead: true, policy });
    const call = (body) => ahead(`${liar.url}/thing`, { method: "POST", body, duplex: "half" });
    await call("first");
    await call("second");
    assert.equal(await (await call(stream("third"))).text(), "third");
    assert.deepEqual(
      liar.seen.map(({ payment }) => payment !== undefined),
      [false, true, true, true],
    );
    // The next price is seen before it is paid, as ever.
    amount = 200;
    await assert.rejects(call("fourth"), { rule: "max_price" });
    amount = 120;
    await assert.rejects(
      call("fifth").then(() => call("sixth")),
      { rule: "budget" },
    );
  });
});

test("a step that only the payer can take is taken, and the same payment goes on", async () => {
  const action = { type: "stripe_handle_next_action", clientSecret: "pi_1_secret_2" };
  const asks = { ...challenge({}, { error: "payment_failed" }), body: JSON.stringify({ success: false, action }) };
  for (const [onAction, status, payments] of [
    [async () => true, 200, 2],
    [() => false, 402, 1],
    [undefined, 402, 1],
  ]) {
    let sent = 0;
    await against(
      ({ payment }) => (!payment ? challenge() : (sent += 1) === 1 ? asks : paid()),
      async (liar) => {
        const told = [];
        const config = { ...PAYS, ...(onAction && { onAction: (...given) => (told.push(given), onAction()) }) };
        const answer = await createStripe402Fetch(config)(`${liar.url}/thing`);
        assert.deepEqual([answer.status, liar.payments().length], [status, payments]);
        assert.deepEqual(
          told.map(([given]) => given),
          onAction ? [action] : [],
        );
        assert.deepEqual(liar.payments().at(-1), liar.payments()[0]);
        if (status === 402) assert.equal((await answer.json()).success, false, "the body can still be read");
      },
    );
  }
});
