// The Worker stays small: gzipped, as Cloudflare counts it, the module is at most 250 KB.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limit = 250_000;
const wasm = readFileSync("build/index_bg.wasm");
const gzipped = gzipSync(wasm, { level: 9 }).length;
console.log(`build/index_bg.wasm: ${wasm.length} bytes, ${gzipped} gzipped, at most ${limit}`);
if (gzipped > limit) {
  console.error(`The Worker has grown ${gzipped - limit} bytes beyond what it may have`);
  process.exit(1);
}
