// The package as a stranger uses it: unpacked in a clean folder, with the pinned wrangler and nothing else of this project.
// `wrangler deploy --dry-run` takes it, and `wrangler dev` serves it, the dashboard too; the check at run time names what is
// not set.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { freePorts } from "./free_ports.mjs";

const wrangler = resolve("node_modules/wrangler/bin/wrangler.js");
const [tarball] = readdirSync("dist").filter((name) => name.endsWith(".tgz"));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "stripe402-package-")));
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  CI: "1",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_LOG_PATH: join(folder, "logs"),
};
const here = join(folder, "package");
const ADMIN = "/.well-known/stripe402/admin/";
const ADMIN_TOKEN = "an-admin-token-of-at-least-32-bytes!!";
let server;

try {
  execFileSync("tar", ["-xzf", resolve("dist", tarball), "-C", folder]);
  const dry = execFileSync("node", [wrangler, "deploy", "--dry-run", "--outdir", join(folder, "out")], {
    cwd: here,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  expect(/env\.ASSETS/.test(dry), `the dry run knows no assets:\n${dry}`);
  expect(/env\.ACCOUNTS/.test(dry) && /--dry-run: exiting now/.test(dry), `the dry run says:\n${dry}`);

  // As it comes it has placeholders: nothing is served, and the setting is named.
  expectSetting(await health(), 500, "STRIPE_PUBLISHABLE_KEY");

  // With keys it serves.
  const toml = readFileSync(join(here, "wrangler.toml"), "utf8");
  const filled = toml.replace("pk_test_replace_me", "pk_test_51Example").replace('"SERVER_SECRET"]', '"SERVER_SECRET", "ADMIN_TOKEN"]');
  expect(filled.includes("ADMIN_TOKEN\"]"), "wrangler.toml lists its secrets otherwise");
  writeFileSync(join(here, "wrangler.toml"), filled);
  const secrets = { STRIPE_SECRET_KEY: "sk_test_51Example", SERVER_SECRET: "an-hmac-secret-of-at-least-32-bytes!!", ADMIN_TOKEN };
  writeFileSync(join(here, ".dev.vars"), Object.entries(secrets).map(([name, value]) => `${name}="${value}"\n`).join(""));
  const good = await health(async (ask) => {
    const priced = await ask("/api/joke");
    expect(priced.status === 402, `a priced path answers ${priced.status}`);
    const page = await ask(ADMIN, { headers: { accept: "text/html" } });
    const html = await page.text();
    expect(page.status === 200 && html.includes("Log in"), `the dashboard answers ${page.status}: ${html}`);
    for (const [, name] of html.matchAll(/="(assets\/[^"]+)"/g)) {
      expect((await ask(ADMIN + name)).status === 200, `${name} is missing`);
    }
    const session = await ask(`${ADMIN}session`, { method: "POST", body: JSON.stringify({ token: ADMIN_TOKEN }) });
    expect(session.status === 204, `logging in answers ${session.status}`);
    const file = await ask("/index.html");
    expect(file.status !== 200 || !(await file.text()).includes("Log in"), "a file has an address of its own");
  });
  expect(good.health.status === 200, JSON.stringify(good.health));
  console.log(`dist/${tarball}: deployed dry, served with its dashboard, and refused to serve with placeholders`);
} finally {
  stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}

// Starts `wrangler dev`, asks for its health and whatever else is to be seen, and stops it.
async function health(sees = () => {}) {
  const [port] = await freePorts(1);
  const args = ["dev", "--ip", "127.0.0.1", "--port", port, "--inspector-port", "0", "--show-interactive-dev-session=false"];
  server = spawn("node", [wrangler, ...args.map(String)], { cwd: here, env, stdio: "ignore", detached: true });
  const ended = new Promise((_, fail) => server.on("exit", (code) => fail(new Error(`wrangler dev ended with ${code}`))));
  ended.catch(() => {});
  const ask = (path, options) => fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000), ...options });
  for (const began = Date.now(); ; ) {
    const answer = await Promise.race([ask("/.well-known/stripe402/health").catch(() => undefined), ended]);
    if (answer) {
      const found = { health: { ...(await answer.json()), status: answer.status } };
      await sees(ask);
      await stop();
      return found;
    }
    expect(Date.now() - began < 90_000, "wrangler dev does not serve");
    await new Promise((done) => setTimeout(done, 100));
  }
}

function expectSetting({ health }, status, setting) {
  expect(health.status === status && health.setting === setting, JSON.stringify(health));
}

// The whole group that we started: wrangler, and workerd below it.
function stop() {
  if (!server) return undefined;
  const { pid } = server;
  const gone = new Promise((done) => server.on("close", done));
  server = undefined;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    return undefined;
  }
  return gone;
}

function expect(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}
