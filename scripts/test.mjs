// `make test` and `make test-all`: the stages, one after the other, and how long each took.
// A new stage is a line in this table; `all` keeps it for `make test-all`.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";

const rust = "--workspace --exclude wasm-bindgen-tool";

const stages = [
  { name: "format", run: "cargo fmt --all --check" },
  { name: "lints", run: `cargo clippy --locked ${rust} --features stripe402-edge/mutants,stripe402-client/cli --all-targets -- -D warnings` },
  {
    name: "lints, wasm",
    run: "cargo clippy --target wasm32-unknown-unknown -p stripe402-edge -p stripe402-example-worker --lib -- -D warnings",
  },
  { name: "licences", run: ".tools/bin/cargo-deny --log-level error check licenses bans sources", all: true },
  {
    name: "licences, client",
    run: ".tools/bin/cargo-deny --manifest-path client/Cargo.toml --log-level error check licenses bans sources",
    all: true,
  },
  { name: "tests", run: `cargo test ${rust} --exclude stripe402-e2e --features stripe402-client/command` },
  // Optimised: unoptimised it takes three times as long.
  {
    name: "simulation",
    run: "cargo test --profile tool -p stripe402-edge --features mutants --test simulation",
    needs: "tests/simulation.rs",
  },
  { name: "build", run: "make build" },
  // Two Workers in one would not link: a client in a Worker of its own does.
  { name: "example", run: "make example" },
  { name: "size", run: "node scripts/size.mjs" },
  { name: "deploy, dry", run: "node_modules/.bin/wrangler deploy --dry-run --outdir target/deploy" },
  { name: "package", run: "make package", all: true },
  { name: "package, tried", run: "node scripts/package_test.mjs", all: true },
  { name: "readme", run: "node scripts/readme_test.mjs" },
  { name: "JavaScript client", run: "node scripts/client_js.mjs" },
  { name: "JavaScript client, long", run: "node scripts/client_js.mjs --long", all: true },
  // Chromium: apt-get update && apt-get install -y chromium. What it sees lands in target/screenshots/.
  { name: "browser", run: "node --test --test-reporter=spec tests/browser/*.test.mjs", all: true },
  {
    name: "operator's API",
    run: "cargo test -p stripe402-e2e --test admin schemathesis -- --ignored --nocapture",
    all: true,
  },
  { name: "with Python", run: "cargo test -p stripe402-e2e --test gate python -- --ignored", all: true },
  // The last one: cargo's closing line then ends the output.
  { name: "end to end", run: "cargo test -p stripe402-e2e", needs: "tests/e2e/Cargo.toml" },
].filter(({ all, needs }) => (!all || process.argv.includes("--all")) && (!needs || existsSync(needs)));

// The stages' own makes and cargos are nobody's sub-make.
const { MAKEFLAGS, MFLAGS, MAKELEVEL, ...env } = process.env;
// What `make test` does a little of, `make test-all` does at length: kills, guesses, bytes through a paid route.
const length = { STRIPE402_KILLS: "50", STRIPE402_GUESSES: "10000", STRIPE402_BYTES: String(1024 ** 3) };
if (process.argv.includes("--all")) Object.assign(env, length);
// The same cases for everybody: whether a change lands is not for luck to decide. `make soak` tries others.
env.PROPTEST_RNG_SEED ??= "402";
const times = [];
let closing = "";

for (const stage of stages) {
  flush();
  console.log(`\n== ${stage.name}: ${stage.run}`);
  const began = Date.now();
  const code = await run(stage.run);
  times.push([stage.name, Math.round((Date.now() - began) / 1000)]);
  if (code !== 0) {
    flush();
    report();
    console.error(`\nmake test stopped: the stage "${stage.name}" failed (${code})`);
    process.exit(1);
  }
}
const last = closing;
closing = "";
report();
if (last) console.log(`\n${last}`);

// Shows a stage's output as it comes, except that the latest closing line of cargo test waits for what follows it.
async function run(command) {
  const child = spawn("sh", ["-c", `exec ${command}`], { env, stdio: ["ignore", "pipe", "inherit"] });
  const stop = (signal) => child.kill(signal);
  process.on("SIGTERM", stop);
  const ended = new Promise((done) => child.on("close", (code, signal) => done(code ?? signal)));
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.trim() !== "") flush();
    if (line.startsWith("test result:")) closing = line;
    else console.log(line);
  }
  process.off("SIGTERM", stop);
  return ended;
}

function flush() {
  if (closing) console.log(closing);
  closing = "";
}

function report() {
  const total = times.reduce((sum, [, seconds]) => sum + seconds, 0);
  console.log();
  for (const [name, seconds] of [...times, ["in all", total]]) {
    console.log(`${name.padEnd(24)} ${String(seconds).padStart(5)} s`);
  }
}
