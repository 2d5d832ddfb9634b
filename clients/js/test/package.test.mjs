// The package: what is in it, that it is found by its name, and that it runs where there is no Node.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as client from "../index.js";
import { startPaywall, startWorker } from "./support/paywall.mjs";

const folder = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = [
  "answers",
  "attempt",
  "conceal",
  "errors",
  "fetch",
  "origins",
  "payer",
  "policy",
  "protocol",
  "redirect",
  "request",
  "store",
].map((name) => `src/${name}.js`);
const read = (path) => readFileSync(join(folder, path), "utf8");

test("npm pack packs what is needed and nothing else, and what it packs can be used by its name", () => {
  const scratch = mkdtempSync(join(tmpdir(), "stripe402-pack-"));
  try {
    const [packed] = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", scratch], {
        cwd: folder,
        encoding: "utf8",
      }),
    );
    const main = ["LICENSE", "README.md", "axios.d.ts", "axios.js", "index.d.ts", "index.js", "package.json"];
    assert.deepEqual(packed.files.map(({ path }) => path).sort(), [...main, ...SOURCES]);
    assert.equal(read("LICENSE"), read("../../LICENSE"));

    const installed = join(scratch, "node_modules/stripe402-client");
    mkdirSync(installed, { recursive: true });
    execFileSync("tar", ["-xzf", join(scratch, packed.filename), "--strip-components=1", "-C", installed]);
    symlinkSync(join(folder, "../../node_modules/axios"), join(scratch, "node_modules/axios"));
    writeFileSync(
      join(scratch, "use.mjs"),
      `import { createStripe402Fetch } from "stripe402-client";
       import { createStripe402Axios } from "stripe402-client/axios";
       console.log(typeof createStripe402Fetch, typeof createStripe402Axios);`,
    );
    assert.equal(
      execFileSync(process.execPath, [join(scratch, "use.mjs")], { encoding: "utf8" }),
      "function function\n",
    );
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

test("the types declare what the module exports", () => {
  const declared = [...read("index.d.ts").matchAll(/^export declare (?:const|function|class) (\w+)/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(declared.sort(), Object.keys(client).sort());
});

test("nothing is imported from elsewhere", () => {
  for (const path of ["index.js", ...SOURCES]) {
    const imported = [...read(path).matchAll(/from "([^"]+)"/g)].map(([, name]) => name);
    assert.ok(
      imported.every((name) => name.startsWith("./")),
      `${path}: ${imported}`,
    );
  }
});

test("a Worker pays with it", async () => {
  const paywall = await startPaywall();
  const paymentMethodId = await paywall.card("js_worker");
  const entry = `
    import { createStripe402Fetch } from "./client/index.js";
    const receipts = [];
    let pay;
    export default {
      async fetch(request, env) {
        if (new URL(request.url).pathname === "/") return new Response("ready");
        pay ??= createStripe402Fetch({
          onPaymentRequired: () => ({ paymentMethodId: env.CARD }),
          onReceipt: ({ creditsRemaining }) => receipts.push(creditsRemaining),
        });
        const get = await pay(env.API + "/api/joke");
        const moved = await pay(env.API + "/redirect?to=/api/health");
        const post = await pay(new Request(env.API + "/sink", { method: "POST", body: "twelve bytes" }));
        return Response.json({ status: get.status, moved: await moved.json(), sunk: await post.json(), receipts });
      },
    };`;
  const modules = ["index.js", ...SOURCES].map((path) => [`client/${path}`, read(path)]);
  const worker = await startWorker({
    modules: [["entry.js", entry], ...modules],
    bindings: { API: paywall.url, CARD: paymentMethodId },
  });
  try {
    const answer = await fetch(`${worker.url}/buy`);
    assert.deepEqual(await answer.json(), {
      ...{ status: 200, moved: { ok: true }, sunk: { bytes: 12 } },
      receipts: [49_900, 49_800, 49_700],
    });
    assert.equal((await paywall.charges(paymentMethodId)).length, 1);
  } finally {
    await worker.stop();
    await paywall.stop();
  }
});
