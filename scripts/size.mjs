// The Worker stays small: gzipped, as Cloudflare counts it, the module is at most 250 KB.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limit = 250_000;
const wasm = readFileSync("build/index_bg.wasm");
const gzipped = gzipSync(wasm, { level: 9 }).length;
console.log(`build/index_bg.wasm: ${wasm.length} bytes, ${gzipped} gzipped, at most ${limit}`);
// With the names of all functions, which the optimised module has no more.
const linked = readFileSync("target/wasm32-unknown-unknown/release/stripe402_edge.wasm");
if (linked.includes("zmij")) {
  console.error("Something writes a serde_json::Value by its own to_string: core/src/json.rs does it without tables");
  process.exit(1);
}
if (gzipped > limit) {
  console.error(`The Worker has grown ${gzipped - limit} bytes beyond what it may have`);
  process.exit(1);
}
