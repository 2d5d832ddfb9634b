// The codecs, against the vectors that were recorded from the reference implementation.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as client from "../index.js";
import { HEADERS, STRIPE402_VERSION, decodeHeader, encodeHeader, readChallenge, readReceipt } from "../index.js";
import { vectors } from "./support/paywall.mjs";

test("the constants are the protocol's", () => {
  assert.equal(STRIPE402_VERSION, 1);
  assert.deepEqual(Object.values(HEADERS), ["payment-required", "payment", "payment-response"]);
  assert.throws(() => {
    HEADERS.PAYMENT = "x";
  });
});

test("units are those of the vectors", () => {
  assert.ok(vectors.unitsToCents.length > 5 && vectors.unitsToDollars.length > 5);
  for (const [units, cents] of vectors.unitsToCents) assert.equal(client.unitsToCents(units), cents, units);
  for (const [units, dollars] of vectors.unitsToDollars) assert.equal(client.unitsToDollars(units), dollars, units);
});

test("units are whole and exact, at both ends", () => {
  const { MAX_SAFE_INTEGER } = Number;
  assert.equal(client.unitsToCents(MAX_SAFE_INTEGER), 90_071_992_547_410);
  assert.equal(client.unitsToDollars(MAX_SAFE_INTEGER), "900719925474.0991");
  assert.equal(client.unitsToDollars(-50_001), "-5.0001");
  assert.equal(client.unitsToCents(-150), -1);
  for (const wrong of [0.5, NaN, Infinity, MAX_SAFE_INTEGER + 1, "100", null, undefined]) {
    assert.throws(() => client.unitsToCents(wrong), RangeError);
    assert.throws(() => client.unitsToDollars(wrong), RangeError);
  }
});

test("headers are written as the vectors have them, and read back", () => {
  for (const { data, encoded } of vectors.encodeHeader) {
    assert.equal(encodeHeader(data), encoded);
    assert.deepEqual(decodeHeader(encoded), data);
  }
  const recorded = vectors.flow.flatMap(({ request, response }) => [
    [request.payment, request.paymentDecoded],
    [response["payment-required"], response.body],
    [response["payment-response"], response.paymentResponseDecoded],
  ]);
  const both = recorded.filter(([header, message]) => header && message);
  assert.ok(both.length > 20);
  for (const [header, message] of both) {
    assert.deepEqual(decodeHeader(header), message);
    assert.equal(encodeHeader(message), header, "byte for byte, the order of the keys included");
  }
});

test("every challenge and receipt of the vectors is believed", () => {
  for (const { name, response } of vectors.flow) {
    const required = response["payment-required"];
    if (required) assert.deepEqual(readChallenge(required), decodeHeader(required), name);
    const receipt = response["payment-response"];
    if (receipt) assert.deepEqual(readReceipt(receipt), decodeHeader(receipt), name);
  }
});

test("four dialects of base64 are one, and nothing else is base64", () => {
  // The bytes of {"a":"~~~???"} have both characters in which the alphabets differ.
  const [message, standard] = [{ a: "~~~???" }, "eyJhIjoifn5+Pz8/In0="];
  assert.equal(encodeHeader(message), standard);
  const urlSafe = standard.replaceAll("+", "-").replaceAll("/", "_");
  for (const value of [standard, standard.replace("=", ""), urlSafe, urlSafe.replace("=", ""), ` ${standard}\t`]) {
    assert.deepEqual(decodeHeader(value), message, value);
  }
  const mixed = standard.replace("+", "-");
  for (const value of [
    mixed,
    "+//+A",
    "+//+A===",
    "=",
    "A",
    "AAAA=",
    `${standard}${standard}`,
    "+//+ AQ==",
    "+//+AR==",
  ]) {
    assert.throws(() => decodeHeader(value), { name: "SyntaxError", message: "The header is not base64" }, value);
  }
  assert.throws(() => decodeHeader("gICAgA=="), /UTF-8/);
  assert.throws(() => decodeHeader("aGFsbG8="), SyntaxError);
  assert.throws(() => decodeHeader("A".repeat(8193)), /longer than 8192/);
  assert.throws(() => decodeHeader(undefined), TypeError);
  assert.throws(() => encodeHeader(undefined), TypeError);
});

test("a challenge that cannot be believed is an error, another protocol's is none of ours", () => {
  assert.equal(readChallenge(null), undefined);
  assert.equal(readChallenge(encodeHeader({ x402Version: 2, accepts: [] })), undefined);
  const good = { stripe402Version: 1, resource: { url: "/" }, accepts: [] };
  assert.deepEqual(readChallenge(encodeHeader(good)).accepts, []);
  const way = { scheme: "stripe", currency: "usd", amount: 100, minTopUp: 50_000, publishableKey: "pk" };
  assert.equal(readChallenge(encodeHeader({ ...good, accepts: [{ scheme: "exact" }, way] })).accepts.length, 1);
  const lies = [
    ...[{ stripe402Version: 2 }, { stripe402Version: "1" }, { resource: undefined }, { accepts: "all" }, { error: 7 }],
    ...[
      { amount: "100" },
      { amount: -1 },
      { amount: 0.5 },
      { amount: 1e300 },
      { amount: null },
      { minTopUp: undefined },
    ]
      .concat([{ currency: "USD" }, { currency: "" }, { publishableKey: 7 }, { description: {} }])
      .map((change) => ({ accepts: [{ ...way, ...change }] })),
  ].map((change) => encodeHeader({ ...good, ...change }));
  for (const header of [...lies, "no base64!", encodeHeader([]), encodeHeader(null)]) {
    assert.throws(() => readChallenge(header), { name: "Stripe402Error", reason: "invalid_challenge" }, header);
  }
});

test("a receipt that cannot be read is none", () => {
  for (const header of [null, "no base64!", encodeHeader({}), encodeHeader({ success: "yes" })]) {
    assert.equal(readReceipt(header), undefined);
  }
});
