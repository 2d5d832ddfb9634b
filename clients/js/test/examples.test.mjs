// The examples run, and do what they say.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startPaywall } from "./support/paywall.mjs";

const run = promisify(execFile);
const file = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const agent = file("examples/ten_jokes.mjs");

let paywall;
before(async () => {
  paywall = await startPaywall();
});
after(() => paywall.stop());

/** What the agent prints, with a card of its own. */
async function buys(name, env = {}) {
  const card = await paywall.card(name);
  const { stdout } = await run(process.execPath, [agent, paywall.url], {
    env: { ...process.env, PAYMENT_METHOD: card, ...env },
  });
  return { lines: stdout.trim().split("\n"), charges: await paywall.charges(card) };
}

test("the agent buys ten jokes with one charge", async () => {
  const { lines, charges } = await buys("agent_ten");
  assert.equal(lines[0], "topping up 5 dollars");
  assert.deepEqual(
    lines.slice(1, 11).map((line) => /^(\d+)\. \S/.exec(line)?.[1]),
    [..."123456789", "10"],
  );
  assert.equal(lines.at(-1), "10 jokes for 0.1 dollars");
  assert.deepEqual([lines.length, charges.length, charges[0].amount], [12, 1, 500]);
});

test("the agent stops where its budget ends, and charges nothing without one", async () => {
  const { lines } = await buys("agent_three", { BUDGET: "350" });
  assert.match(
    lines.at(-2),
    /^stopped by the rule budget: 0\.01 usd would exceed the budget of 0\.035 usd in all; 0\.03 usd of it is spent\.$/,
  );
  assert.equal(lines.at(-1), "3 jokes for 0.03 dollars");
  const { lines: none, charges } = await buys("agent_none", { BUDGET: "0" });
  assert.deepEqual([none.at(-1), charges.length], ["0 jokes for 0 dollars", 0]);
});

test("what the READMEs show runs as it stands there", async () => {
  const samples = ["README.md", "clients/js/README.md"].flatMap((path) =>
    [...readFileSync(file(path), "utf8").matchAll(/^```js\n(.*?)^```/gms)].map(([, sample]) => [path, sample]),
  );
  assert.equal(samples.length, 3);
  const card = await paywall.card("readmes");
  const folder = mkdtempSync(join(tmpdir(), "stripe402-readmes-"));
  try {
    for (const [path, sample] of samples) {
      const own = sample.includes("axios")
        ? "const [onPaymentRequired, policy] = [() => ({ paymentMethodId: CARD }), {}];"
        : "";
      const imports = 'import { createStripe402Fetch } from "stripe402-client";\n';
      const shown = sample.startsWith("import ") || sample.includes("axios") ? sample : imports + sample;
      const result = sample.includes("joke = ")
        ? "joke.joke"
        : sample.includes("data }")
          ? "data.joke"
          : "(await answer.json()).joke";
      const module = `${own}${shown}
        console.log(${result});`
        .replaceAll(/https:\/\/api\.example\.com|http:\/\/127\.0\.0\.1:8402/g, paywall.url)
        .replaceAll(/"pm_[^"]*"|CARD/g, JSON.stringify(card))
        .replaceAll('"stripe402-client"', JSON.stringify(file("clients/js/index.js")))
        .replaceAll('"stripe402-client/axios"', JSON.stringify(file("clients/js/axios.js")))
        .replaceAll('"axios"', JSON.stringify(file("node_modules/axios/index.js")));
      writeFileSync(join(folder, "sample.mjs"), module);
      const { stdout } = await run(process.execPath, [join(folder, "sample.mjs")]);
      assert.ok(stdout.trim().length > 10 && !stdout.includes("undefined"), `${path}: ${stdout}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
