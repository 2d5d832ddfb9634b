// The paywall in a real browser: `make dev` on free ports with a configuration of its own, and Debian's Chromium.
//
// However the test process ends, nothing goes on running: scripts/dev.mjs ends its whole group when whoever started it
// is gone.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "playwright-core";

import { freePorts } from "../../scripts/free_ports.mjs";
import { localConfig } from "../../scripts/local_config.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const shots = join(root, "target/screenshots");

const routes = {
  "GET /api/joke": { amount: 100, description: "Random joke" },
  "GET /api/weather": { amount: 500, description: "Weather in Lisbon" },
  "GET /echo": { amount: 30_000, description: "A long report" },
  "POST /echo": { amount: 400, description: "Say it again" },
  "GET /slow": { amount: 100, paywall: false },
  "GET /gzip": { amount: 500_000, currency: "jpy", minTopUp: 1_000_000, description: "日本語のレポート <b>&amp;</b>" },
};

// Starts a paywall with these variables. `reports`: SQL with which its D1 database is filled, whose tables are made first;
// without it there is no such database.
export async function start(vars = {}, { reports } = {}) {
  const executablePath = chromiumPath();
  const env = { ...process.env, CARGO_TARGET_DIR: join(root, "target") };
  execFileSync("make", ["build"], { cwd: root, env, stdio: "inherit" });
  execFileSync("cargo", ["build", "--quiet", "-p", "stripe402-testbed", "--bin", "testbed"], { cwd: root, env });
  const scratch = mkdtempSync(join(tmpdir(), "stripe402-browser-"));
  const state = join(scratch, "state");
  const config = configuration(scratch, reports !== undefined);
  if (reports !== undefined) fill(scratch, state, config, reports);
  const [port, stripePort, originPort] = await freePorts(3);
  const dev = spawn(process.execPath, [join(root, "scripts/dev.mjs")], {
    cwd: root,
    env: {
      ...env,
      PORT: port,
      STRIPE_PORT: stripePort,
      ORIGIN_PORT: originPort,
      STATE: state,
      CONFIG: config,
      VARS: JSON.stringify({ ROUTES: JSON.stringify(routes), PAYWALL_NAME: "Jokes & Weather", ...vars }),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((done) => dev.on("close", done));
  await new Promise((done, fail) => {
    const log = [];
    createInterface({ input: dev.stdout }).on("line", (line) => {
      log.push(line);
      if (line === `ready http://127.0.0.1:${port}`) done();
    });
    ended.then((code) => fail(new Error(`make dev ended (${code}) before it was ready:\n${log.join("\n")}`)));
  });
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
  mkdirSync(shots, { recursive: true });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    browser,
    stripe: `http://127.0.0.1:${stripePort}`,
    origin: `http://127.0.0.1:${originPort}`,
    async stop() {
      await browser.close();
      dev.kill("SIGTERM");
      await ended;
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

// The project's wrangler.toml, with a database for reports or without one, and all folders named from the root.
function configuration(scratch, hasReports) {
  const own = readFileSync(join(root, "wrangler.toml"), "utf8").replace(/^\[build\]\n(?!\[).+\n/m, "");
  const file = join(scratch, "wrangler.toml");
  writeFileSync(file, localConfig(own, root, hasReports));
  return file;
}

function fill(scratch, state, config, sql) {
  const rows = join(scratch, "rows.sql");
  writeFileSync(rows, sql);
  const where = ["--local", "--persist-to", state, "--config", config];
  for (const args of [["migrations", "apply", "REPORTS"], ["execute", "REPORTS", "--file", rows]]) {
    const wrangler = [join(root, "node_modules/wrangler/bin/wrangler.js"), "d1", ...args, ...where];
    const env = { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_PATH: join(scratch, "logs") };
    execFileSync(process.execPath, wrangler, { cwd: scratch, env, stdio: ["ignore", "ignore", "inherit"] });
  }
}

function chromiumPath() {
  const paths = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const found = paths.find((path) => path && existsSync(path));
  if (!found) {
    throw new Error("Chromium is missing: apt-get update && apt-get install -y chromium (or name it by CHROMIUM)");
  }
  return found;
}

// A person with a browser of their own. Whatever goes wrong in the console, or against a page's policy, is noted; that a
// page or a payment was answered 402, 429 or 503 is what it was meant to be.
export class Person {
  static async at(paywall, options = {}) {
    const person = new Person();
    person.paywall = paywall;
    person.context = await paywall.browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
    person.wrong = [];
    // Further statuses that this person meets on purpose.
    person.meant = [];
    person.context.on("page", (page) => person.watch(page));
    person.page = await person.context.newPage();
    return person;
  }

  watch(page) {
    page.on("pageerror", (error) => this.wrong.push(`error: ${error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      const status = /^Failed to load resource: the server responded with a status of (\d+) /.exec(text)?.[1];
      const meant = ["402", "429", "503", ...this.meant].includes(status);
      // A page that was paid for is the origin's, and so is whether there is an icon for it.
      const icon = message.location().url.endsWith("/favicon.ico");
      if (["error", "warning"].includes(message.type()) && !meant && !icon) this.wrong.push(`${message.type()}: ${text}`);
    });
    page.setDefaultTimeout(20_000);
  }

  // What a page lets the browser save.
  async saves(does) {
    const [download] = await Promise.all([this.page.waitForEvent("download"), does()]);
    return { name: download.suggestedFilename(), text: readFileSync(await download.path(), "utf8") };
  }

  open(path) {
    return this.page.goto(this.paywall.url + path);
  }

  async types(number = "4242 4242 4242 4242") {
    await this.page.getByLabel("Card number").fill(number);
    await this.page.getByLabel("Expiration date").fill("12/34");
    await this.page.getByLabel("Security code").fill("123");
  }

  async pays(number) {
    await this.types(number);
    await this.page.locator("#submit").click();
  }

  // The content, once it is there instead of the page.
  async reads(text) {
    await this.page.waitForFunction((text) => !document.getElementById("page") && document.body.innerText.includes(text), text);
  }

  shot(name, options = {}) {
    return this.page.screenshot({ path: join(shots, `${name}.png`), fullPage: true, ...options });
  }

  async statement() {
    return this.page.evaluate(async () => (await fetch("/.well-known/stripe402/account")).json());
  }

  // axe-core, in the page: nothing serious, nothing critical.
  async isAccessible(what) {
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    const told = bad.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join("\n  ")}`);
    assert.deepEqual(told, [], what);
  }

  async leaves() {
    await this.context.close();
    assert.deepEqual(this.wrong, [], "the console, and the pages' policies");
  }
}

const axe = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");

// Another site: a page with this body, at another port and, if asked, at another host.
export async function otherSite(host, body) {
  const server = createHttpServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<!doctype html><title>Another site</title><body>${body}`);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref(); // a test that fails does not stop it
  return { url: `http://${host}:${server.address().port}/`, stop: () => server.close() && server.closeAllConnections() };
}

export async function charges(paywall) {
  const state = await (await fetch(`${paywall.stripe}/_testbed/state`)).json();
  return state.payment_intents.filter(({ status }) => status === "succeeded");
}

export async function reached(paywall) {
  return (await fetch(`${paywall.origin}/_origin/requests`)).json();
}

export async function breaks(paywall, fault) {
  const answer = await fetch(`${paywall.stripe}/_testbed/faults`, { method: "POST", body: JSON.stringify(fault) });
  assert.equal(answer.status, 200, await answer.text());
}

// Declares tests, each of a person with a browser of its own, whose console and policies have to stay clean.
export const persons = (paywall) => (name, options, does) =>
  test(name, async () => {
    const one = await Person.at(paywall(), options);
    const paid = (await charges(paywall())).length;
    await does(one, { paidMore: async () => (await charges(paywall())).length - paid });
    await one.leaves();
  });
