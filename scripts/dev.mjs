// `make dev`: a pretend Stripe, a demo origin and the Worker in wrangler's local runtime, ended together.
//
// Two processes of this file. The one that make started holds a pipe to the other, which leads a process group of
// its own with everything else in it. However the first one ends, even by SIGKILL, the pipe closes, and the leader
// ends the whole group: nothing is left running, and nobody else's process is touched.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, watchFile, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { localConfig } from "./local_config.mjs";

const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));
const signals = ["SIGINT", "SIGTERM", "SIGHUP"];

const port = Number(process.env.PORT || 8402);
const stripePort = Number(process.env.STRIPE_PORT || 8420);
const originPort = Number(process.env.ORIGIN_PORT || 8421);
// A second copy, on another port, must not open the databases of the first.
const state = resolve(root, process.env.STATE || (port === 8402 ? ".wrangler/state" : `.wrangler/state-${port}`));

if (process.argv[2] === "--group") await lead();
else hold();

function hold() {
  const group = spawn(process.execPath, [self, "--group"], {
    cwd: root,
    detached: true,
    stdio: ["pipe", "inherit", "inherit"],
  });
  let asked = false;
  for (const signal of signals) {
    process.on(signal, () => {
      asked = true;
      group.stdin.end();
    });
  }
  group.stdin.on("error", () => {}); // it went first
  group.on("exit", () => {
    kill(group.pid, "SIGKILL");
    process.exit(asked ? 0 : 1);
  });
}

async function lead() {
  const ends = [];
  let stopping = false;

  async function stop() {
    if (stopping) return;
    stopping = true;
    kill(process.pid, "SIGTERM");
    await Promise.race([Promise.all(ends), sleep(5000)]);
    kill(process.pid, "SIGKILL"); // and with it this process
  }

  function start(name, command, args, options) {
    const child = spawn(command, args, { cwd: root, ...options });
    const ended = new Promise((done) => child.on("error", done).on("close", (code, signal) => done(code ?? signal)));
    ends.push(ended);
    ended.then((why) => {
      if (!stopping) console.error(`${name} ended (${why}): stopping the rest`);
      stop();
    });
    return child;
  }

  process.stdin.on("close", stop).resume();
  for (const signal of signals) process.on(signal, stop);

  try {
    const urls = await startTestbed(start);
    await startWorker(start, urls);
  } catch (error) {
    if (stopping) return;
    console.error(error.message);
    await stop();
  }
}

async function startTestbed(start) {
  for (const [name, number] of Object.entries({ PORT: port, STRIPE_PORT: stripePort, ORIGIN_PORT: originPort })) {
    if (!(await isFree(number))) {
      throw new Error(`Port ${number} is taken. Choose another: make dev ${name}=${number + 1000}`);
    }
  }
  const testbed = start(
    "testbed",
    "target/debug/testbed",
    ["--stripe-port", stripePort, "--origin-port", originPort, "--publishable-key-tokenization"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  for await (const line of createInterface({ input: testbed.stdout })) {
    const [, stripe, origin] = line.match(/^ready stripe (\S+) origin (\S+)$/) ?? [];
    if (stripe) {
      testbed.stdout.resume();
      return { stripe, origin };
    }
  }
  throw new Error("The testbed did not start");
}

async function startWorker(start, { stripe, origin }) {
  const vars = {
    STRIPE_PUBLISHABLE_KEY: "pk_test_testbed",
    STRIPE_API_BASE: stripe,
    ORIGIN_URL: origin,
    LIMITS: "off",
    ADMIN_TOKEN: adminToken(),
    REPORT_SECONDS: 5,
    ...JSON.parse(process.env.VARS || "{}"), // for tests
  };
  // Nobody's real account or keys: --env-file keeps those of .dev.vars out, but a secret in the environment would
  // win over both.
  const foreign = /^(CLOUDFLARE_|WRANGLER_|CF_|STRIPE_|SERVER_SECRET|ORIGIN_SECRET|ADMIN_TOKEN|MAKE|MFLAGS)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  const options = {
    env: {
      ...env,
      CI: "1",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_LOG_PATH: join(state, "logs"),
      WRANGLER_REGISTRY_PATH: join(state, "registry"),
      WRANGLER_SEND_METRICS: "false",
    },
  };
  const config = process.env.CONFIG ?? configuration(); // CONFIG: for tests
  const wrangler = [join(root, "node_modules/wrangler/bin/wrangler.js"), "--config", config];
  if (!process.env.CONFIG) await makeTables(wrangler, options);
  start(
    "wrangler",
    process.execPath,
    [
      ...wrangler,
      ...["dev", "--local", "--ip", "127.0.0.1", "--port", port, "--inspector-port", 0],
      ...["--persist-to", state, "--env-file", secrets(), "--show-interactive-dev-session=false"],
      ...Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
    ],
    { ...options, stdio: ["ignore", "inherit", "inherit"] },
  );
  const url = `http://127.0.0.1:${port}`;
  await healthy(`${url}/.well-known/stripe402/health`);
  console.log(`\nready ${url}\n\n${examples(url)}`);
  console.log(`The operator's dashboard: ${url}/.well-known/stripe402/admin/ (token: ${vars.ADMIN_TOKEN})`);
}

// The project's wrangler.toml with a database for the dashboard's reports, in a file beside the databases. What is
// changed in the one is soon in the other, which wrangler watches. Its folders are relative to that file, but the build
// runs where wrangler does.
function configuration() {
  const file = join(state, "wrangler.toml");
  const here = relative(state, root);
  const write = () => {
    const own = readFileSync(join(root, "wrangler.toml"), "utf8")
      .replace(/^\[build\]\n/m, `[build]\nwatch_dir = "${here}/src"\n`);
    mkdirSync(state, { recursive: true });
    writeFileSync(file, localConfig(own, here));
  };
  write();
  watchFile(join(root, "wrangler.toml"), { interval: 500 }, write);
  return file;
}

// The tables of the reports: once, and again when there are more of them.
async function makeTables(wrangler, options) {
  const marker = join(state, "migrations");
  const all = readdirSync(join(root, "migrations")).sort().join("\n");
  if (existsSync(marker) && readFileSync(marker, "utf8") === all) return;
  const args = [...wrangler, "d1", "migrations", "apply", "REPORTS", "--local", "--persist-to", state];
  const child = spawn(process.execPath, args, { cwd: root, ...options, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const code = await new Promise((done) => child.on("error", done).on("close", done));
  if (code === 0) writeFileSync(marker, all);
  else console.error(`The dashboard will have no reports: their tables could not be made (${code})\n${said}`);
}

// Keys that nobody can take for real ones; the secret is made once, so that a client id outlives a restart.
function secrets() {
  return once("dev.env", () => `STRIPE_SECRET_KEY=sk_test_testbed\nSERVER_SECRET=${randomBytes(32).toString("hex")}\n`);
}

// A token for the operator's dashboard, made once, too.
function adminToken() {
  return readFileSync(once("admin-token", () => randomBytes(32).toString("hex")), "utf8");
}

// The file of this name; its text is made once.
function once(name, text) {
  const file = join(state, name);
  if (!existsSync(file)) {
    mkdirSync(state, { recursive: true });
    writeFileSync(file, text(), { mode: 0o600 });
  }
  return file;
}

async function healthy(url) {
  let said = "nothing";
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await sleep(200)) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    said = answer ? `${answer.status} ${await answer.text()}` : said;
    if (answer?.headers.get("content-type") === "application/problem+json") break; // the Worker's own word
  }
  throw new Error(`The Worker is not healthy: ${url} answers ${said}`);
}

// The README's own commands, so that there is one text to keep right.
function examples(url) {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block);
  return blocks.join("\n").replaceAll("http://127.0.0.1:8402", url);
}

function isFree(number) {
  return new Promise((done) => {
    const server = createServer()
      .once("error", () => done(false))
      .listen(number, "127.0.0.1", () => server.close(() => done(true)));
  });
}

function kill(leader, signal) {
  try {
    process.kill(-leader, signal);
  } catch {
    // The group is empty already.
  }
}

function sleep(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
