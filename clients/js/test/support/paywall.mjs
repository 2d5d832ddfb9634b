// The built Worker on workerd, with the testbed's Stripe and origin: what the client is tried against.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { freePorts } from "../../../../scripts/free_ports.mjs";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
export const vectors = JSON.parse(readFileSync(join(root, "tests/vectors/stripe402.json"), "utf8"));

const ROUTES = {
  ...vectors.routes,
  "POST /sink": { amount: 100 },
  "POST /echo": { amount: 100 },
  "GET /status/:code": { amount: 100 },
  "GET /redirect": { amount: 100 },
  "GET /stream": { amount: 100 },
  "GET /dear": { amount: 30_000 },
};

/** Starts one, on ports that are free. It ends with this process, however that ends. */
export async function startPaywall(vars = {}) {
  const testbed = spawn(
    join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/testbed"),
    ["--stripe-port", "0", "--origin-port", "0", "--exit-with-stdin"],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const [, stripeUrl, originUrl] = await firstLine(testbed, /^ready stripe (\S+) origin (\S+)$/);

  const bindings = {
    STRIPE_SECRET_KEY: "sk_test_testbed",
    SERVER_SECRET: vectors.serverSecret,
    STRIPE_PUBLISHABLE_KEY: vectors.publishableKey,
    STRIPE_API_BASE: stripeUrl,
    ORIGIN_URL: originUrl,
    LIMITS: "off",
    ROUTES,
    ...vars,
  };
  const { url, said, stop } = await startWorker({
    modules: ["index.js", "index_bg.wasm"].map((name) => [name, readFileSync(join(root, "build", name))]),
    bindings,
    more: `
  durableObjectNamespaces = [ (className = "Account", uniqueKey = "account", enableSql = true) ],
  durableObjectStorage = (localDisk = "disk"),`,
    moreBindings: '\n    (name = "ACCOUNTS", durableObjectNamespace = "Account"),',
    path: "/.well-known/stripe402/health",
  });

  const order = async (path, body, method = "POST") => {
    const answer = await fetch(new URL(path, stripeUrl), { method, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    url,
    said,
    /** A card of its own, so that tests do not share an account. */
    async card(name, more = {}) {
      const id = `pm_${name}`;
      await order("/_testbed/payment_methods", { id, fingerprint: `fp_${name}`, ...more });
      return id;
    },
    fault: (fault) => order("/_testbed/faults", fault),
    order,
    /** The PaymentIntents of a card, oldest first. */
    async charges(paymentMethod) {
      const state = await order("/_testbed/state", undefined, "GET");
      return state.payment_intents.filter((intent) => intent.payment_method === paymentMethod);
    },
    /** What reached the origin with this query. */
    async arrived(query) {
      const log = await (await fetch(new URL("/_origin/requests", originUrl))).json();
      return log.filter((one) => JSON.stringify(one).includes(query));
    },
    async stop() {
      const ended = new Promise((done) => testbed.on("close", done));
      testbed.stdin.end();
      await Promise.all([ended, stop()]);
    },
  };
}

/** Starts a Worker of these modules (pairs of name and content; the first is its entry) and waits until it answers. */
export async function startWorker({ modules, bindings = {}, more = "", moreBindings = "", path = "/" }) {
  const folder = mkdtempSync(join(tmpdir(), "stripe402-js-"));
  const [port] = await freePorts(1);
  for (const [name, content] of modules) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const names = modules.map(([name]) => name);
  writeFileSync(join(folder, "config.capnp"), capnp({ names, bindings, more, moreBindings, folder, port }));
  // The watcher leads a process group and holds our pipe: when that closes, it ends the group and removes the folder.
  const watch = [join(root, "tests/e2e/src/watch.sh"), folder, workerd(), "serve", "--experimental"];
  const worker = spawn("sh", [...watch, join(folder, "config.capnp")], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const said = [];
  createInterface({ input: worker.stdout }).on("line", (line) => said.push(line));
  const url = `http://127.0.0.1:${port}`;
  await healthy(`${url}${path}`, said);
  const stop = async () => {
    const ended = new Promise((done) => worker.on("close", done));
    worker.stdin.end();
    await ended;
  };
  return { url, said, stop };
}

function workerd() {
  const packages = join(root, "node_modules/@cloudflare");
  const found = readdirSync(packages)
    .map((name) => join(packages, name, "bin/workerd"))
    .find((path) => existsSync(path));
  if (!found) throw new Error("workerd is not installed: run make setup");
  return found;
}

function capnp({ names, bindings, more, moreBindings, folder, port }) {
  const quoted = (text) => JSON.stringify(text);
  const kind = (name) => (name.endsWith(".wasm") ? "wasm" : "esModule");
  const modules = names.map((name) => `    (name = ${quoted(name)}, ${kind(name)} = embed ${quoted(name)}),`);
  const value = (given) =>
    typeof given === "string" ? `text = ${quoted(given)}` : `json = ${quoted(JSON.stringify(given))}`;
  const all = Object.entries(bindings).map(([name, given]) => `    (name = ${quoted(name)}, ${value(given)}),`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private", "local"])),
    (name = "disk", disk = (path = ${quoted(folder)}, writable = true)),
  ],
  sockets = [ (name = "http", address = "127.0.0.1:${port}", http = (), service = "main") ],
);
const main :Workerd.Worker = (
  modules = [
${modules.join("\n")}
  ],
  compatibilityDate = "2026-10-01",
  globalOutbound = "internet",${more}
  bindings = [${moreBindings}
${all.join("\n")}
  ],
);
`;
}

function firstLine(child, pattern) {
  return new Promise((done, fail) => {
    child.on("error", (error) => fail(new Error(`The testbed cannot be started (${error.code}): run make dev once`)));
    child.on("close", (code) => fail(new Error(`The testbed ended (${code}) before it was ready`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = pattern.exec(line);
      if (found) done(found);
    });
  });
}

async function healthy(url, said) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`The Worker is not healthy; it said:\n${said.join("\n")}`);
}
