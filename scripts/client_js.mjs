// The JavaScript client's tests: its types by tsc, then its behaviour on Node against the built Worker and the testbed.
// With --long, what needs more than Node instead: Chromium, and Python for the example in that language.

import { spawnSync } from "node:child_process";

const long = process.argv.includes("--long");
const steps = [
  ["cargo", ["build", "--quiet", "-p", "stripe402-testbed", "--bin", "testbed"]],
  ...(long ? [] : [["tsc", ["-p", "clients/js"]]]),
  ["node", ["--test", `clients/js/test/${long ? "long/" : ""}*.test.mjs`]],
];

for (const [command, args] of steps) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error) console.error(`${command} cannot be started (${error.code}): run make setup`);
  if (status !== 0) process.exit(1);
}
