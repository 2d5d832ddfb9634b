// Runs the README's `sh` blocks, in order, against a `make dev` on other ports, and compares what they print with
// the `text` block that follows each. An ellipsis in that stands for what differs from run to run.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { freePorts } from "./free_ports.mjs";

const readme = readFileSync("README.md", "utf8");
const scratch = mkdtempSync(join(tmpdir(), "stripe402-readme-"));
const [port, stripePort, originPort] = await freePorts(3);
const here = (text) => text.replaceAll("127.0.0.1:8402", `127.0.0.1:${port}`);

const steps = [...readme.matchAll(/^```sh\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?/gms)].map(
  ([, command, expected]) => ({ command, expected }),
);

const failures = [];
const dev = spawn("make", ["dev"], {
  env: { ...process.env, PORT: port, STRIPE_PORT: stripePort, ORIGIN_PORT: originPort, STATE: join(scratch, "state") },
  stdio: ["ignore", "pipe", "inherit"],
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
process.on("exit", () => dev.kill("SIGTERM")); // however this ends, nothing is left running
const log = [];
const ended = new Promise((done) => dev.on("close", done));
await ready();
check("there are three commands to try", steps.length >= 3, `${steps.length} sh blocks`);
for (const { command, expected } of steps) {
  const { stdout, stderr, status } = spawnSync("sh", ["-c", here(command).replaceAll("/tmp/", `${scratch}/`)], {
    encoding: "utf8",
  });
  check(`exit code of\n${command}`, status === 0, stderr);
  check(`a text block after\n${command}`, expected !== undefined, "none");
  check(`output of\n${command}`, pattern(expected ?? "").test(stdout), `expected:\n${expected}\nfound:\n${stdout}`);
  check(`make dev suggests\n${command}`, log.join("\n").includes(here(command)), log.join("\n"));
}
const earned = await dashboard();
check("the dashboard says what was earned", /"revenue":200,"requests":2,.*"topUps":50000,"charges":1,/.test(earned), earned);
dev.kill("SIGTERM");
await ended;
for (const number of [port, stripePort, originPort]) {
  check(`port ${number} is free after make dev has ended`, await isFree(number), "something still listens");
}
rmSync(scratch, { recursive: true });

for (const { what, why } of failures) console.error(`FAILED: ${what}\n${why}\n`);
console.log(`README: ${steps.length} commands run, ${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);

function check(what, holds, why) {
  if (!holds) failures.push({ what, why });
}

// What the dashboard that make dev names tells, once accounts have handed over.
async function dashboard() {
  const [, url, token] = log.join("\n").match(/^The operator's dashboard: (\S+) \(token: (\S+)\)$/m) ?? [];
  check("make dev names the dashboard", token, log.join("\n"));
  let told = "";
  for (const deadline = Date.now() + 30_000; Date.now() < deadline && !told.includes('"requests":2'); ) {
    await new Promise((done) => setTimeout(done, 500));
    const answer = await fetch(`${url}reports/summary`, { headers: { authorization: `Bearer ${token}` } });
    told = await answer.text();
  }
  return told;
}

// Blank lines at the end are the terminal's business.
function pattern(text) {
  const literal = text.trimEnd().split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${literal.join('[^"\\n]+')}\\n*$`);
}

// Until make dev is ready and its suggestions are there; its output stays to be searched.
function ready() {
  return new Promise((done, fail) => {
    const lines = createInterface({ input: dev.stdout });
    let last;
    lines.on("line", (line) => {
      log.push(line);
      if (line === `ready http://127.0.0.1:${port}`) last = setTimeout(done, 500);
    });
    ended.then((code) => {
      clearTimeout(last);
      console.error(log.join("\n"));
      fail(new Error(`make dev ended (${code}) before it was ready`));
    });
  });
}

function isFree(number) {
  return new Promise((done) => {
    const server = createServer()
      .once("error", () => done(false))
      .listen(number, "127.0.0.1", () => server.close(() => done(true)));
  });
}
