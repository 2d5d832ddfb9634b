// The example in Python, against the real Worker, by the project's own Python.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { against, challenge, paid } from "../support/liar.mjs";
import { startPaywall } from "../support/paywall.mjs";

const file = (path) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const python = file(".tools/python/bin/python");

async function pays(url) {
  assert.ok(existsSync(python), "the project's Python is missing: make .tools/python/installed.txt");
  const { stdout } = await promisify(execFile)(python, [file("examples/pay.py"), url]);
  return stdout.trim().split("\n");
}

test("two requests are served, one is charged", async () => {
  const paywall = await startPaywall();
  try {
    const [status, ...jokes] = await pays(`${paywall.url}/api/joke`);
    assert.equal(status, "200");
    assert.equal(jokes.length, 2);
    for (const joke of jokes) assert.ok(JSON.parse(joke).joke);
    const { payment_intents: intents } = await paywall.order("/_testbed/state", undefined, "GET");
    assert.deepEqual(
      intents.map(({ amount, status }) => [amount, status]),
      [[500, "succeeded"]],
    );
  } finally {
    await paywall.stop();
  }
});

test("503 gets the same payment again, and what is too dear is not paid", async () => {
  const answer = ({ payment }, nth) =>
    !payment ? challenge() : nth < 4 ? { status: 503, headers: { "retry-after": "0" } } : paid();
  await against(answer, async (liar) => {
    assert.deepEqual(await pays(`${liar.url}/thing`), ["200", "served", "served"]);
    const payments = liar.seen.map(({ headers }) => headers.payment).filter(Boolean);
    assert.deepEqual([payments.length, new Set(payments.slice(0, 3)).size], [4, 1]);
    assert.deepEqual(liar.payments().at(-1).paymentMethodId, undefined, "the second by credits");
  });
  for (const change of [{ amount: 201 }, { minTopUp: 50_001 }, { currency: "eur" }]) {
    await against(
      () => challenge(change),
      async (liar) => {
        await assert.rejects(pays(`${liar.url}/thing`), /too dear/);
        assert.deepEqual(liar.payments(), []);
      },
    );
  }
});
