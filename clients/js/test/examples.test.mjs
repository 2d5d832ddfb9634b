// The examples run, and do what they say.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startPaywall } from "./support/paywall.mjs";

const run = promisify(execFile);
const agent = fileURLToPath(new URL("../../../examples/ten_jokes.mjs", import.meta.url));

let paywall;
before(async () => {
  paywall = await startPaywall();
});
after(() => paywall.stop());

/** What the agent prints, with a card of its own. */
async function buys(name, env = {}) {
  const card = await paywall.card(name);
  const { stdout } = await run(process.execPath, [agent, paywall.url], { env: { ...process.env, PAYMENT_METHOD: card, ...env } });
  return { lines: stdout.trim().split("\n"), charges: await paywall.charges(card) };
}

test("the agent buys ten jokes with one charge", async () => {
  const { lines, charges } = await buys("agent_ten");
  assert.equal(lines[0], "topping up 5 dollars");
  assert.deepEqual(lines.slice(1, 11).map((line) => /^(\d+)\. \S/.exec(line)?.[1]), [..."123456789", "10"]);
  assert.equal(lines.at(-1), "10 jokes for 0.1 dollars");
  assert.deepEqual([lines.length, charges.length, charges[0].amount], [12, 1, 500]);
});

test("the agent stops where its budget ends, and charges nothing without one", async () => {
  const { lines } = await buys("agent_three", { BUDGET: "350" });
  assert.match(lines.at(-2), /^stopped by the rule budget: 0\.01 usd would exceed the budget of 0\.035 usd in all; 0\.03 usd of it is spent\.$/);
  assert.equal(lines.at(-1), "3 jokes for 0.03 dollars");
  const { lines: none, charges } = await buys("agent_none", { BUDGET: "0" });
  assert.deepEqual([none.at(-1), charges.length], ["0 jokes for 0 dollars", 0]);
});
