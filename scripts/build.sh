#!/bin/sh
# Builds the Worker into build/. Called by make, with the files and folders that it is built from.
#
# Several may run at once, since each wrangler calls `make build` when it starts: one builds, the others wait
# for it and find nothing to do.
set -eu

mkdir -p target build
[ -w target ] || { echo "target/ cannot be written to" >&2; exit 1; }
lock=target/worker.lock # a symbolic link that names its owner's process: made, or refused, in one step
until ln -s $$ "$lock" 2>/dev/null; do
  owner=$(readlink "$lock") || continue
  if ! kill -0 "$owner" 2>/dev/null; then
    rm -f "$lock" # its owner was killed
    continue
  fi
  [ "${waiting:-}" ] || echo "Another build is running (process $owner): waiting for it"
  waiting=yes
  sleep 1
done
trap 'rm -f "$lock"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

if [ -f build/index.js ] && [ -f build/index_bg.wasm ] && [ -z "$(find "$@" -prune -newer build/index.js)" ]; then
  exit 0
fi

[ -x target/tool/wasm-bindgen ] || echo "Compiling the wasm-bindgen command line (about a minute)"
# Unoptimised it is there in a third of the time, and then takes one second instead of a fifth of one.
CARGO_PROFILE_TOOL_OPT_LEVEL=0 cargo build --quiet --profile tool -p wasm-bindgen-tool

WASM_BINDGEN_BIN="$PWD/target/tool/wasm-bindgen"
WASM_OPT_BIN="$PWD/node_modules/.bin/wasm-opt"
ESBUILD_BIN="$PWD/node_modules/.bin/esbuild"
for tool in "$WASM_BINDGEN_BIN" "$WASM_OPT_BIN" "$ESBUILD_BIN"; do
  [ -x "$tool" ] || { echo "$tool is missing: rm node_modules/.installed, then make setup" >&2; exit 1; }
done

# The output bears the time at which its build began: what is saved while it runs makes the next one build.
# index.js comes last, so that a build that was cut short leaves nothing that looks finished.
touch target/worker.start
export STRIPE402_MINIFIED_PAGES="$PWD/target/pages" # read by build.rs
rm -rf "$STRIPE402_MINIFIED_PAGES"
"$ESBUILD_BIN" --minify --format=esm --charset=utf8 --log-level=warning --outdir="$STRIPE402_MINIFIED_PAGES" \
  src/pages/*.css src/pages/*.js
cargo build --quiet --release --target wasm32-unknown-unknown --lib --package stripe402-edge
rm -rf target/worker
"$WASM_BINDGEN_BIN" target/wasm32-unknown-unknown/release/stripe402_edge.wasm --out-dir target/worker --out-name index \
  --no-typescript --target module --omit-default-module-path \
  --experimental-reset-state-function --force-enable-abort-handler # to start anew after a panic: src/worker/shim.js
cp src/worker/shim.js target/worker/shim.js
"$ESBUILD_BIN" --bundle --minify --format=esm --log-level=warning --external:./index_bg.wasm '--external:cloudflare:*' \
  --outfile=target/worker/bundle.js target/worker/shim.js
sed 's/import source /import /' target/worker/bundle.js >target/worker/index.js
# The classes are those that the crate `worker` exports, and nothing here uses. What counts is the size when compressed:
# large functions stay where they are even if they are called once, functions that are alike stand together, and the
# hints how loads are aligned, which engines do not use, all say the same. Below address 1024 there is nothing but the
# last bytes of a full stack, so an offset below that may be part of a load.
wasm_opt() {
  "$WASM_OPT_BIN" --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int --enable-bulk-memory \
    --enable-multivalue --enable-reference-types --enable-exception-handling "$@"
}
wasm_opt '--remove-exports=*intounderlying*' '--remove-exports=*containerstartupoptions*' \
  '--remove-exports=*minifyconfig*' '--remove-exports=*r2range*' \
  -Os --low-memory-unused --one-caller-inline-max-function-size 10 --dealign --reorder-functions \
  --strip-debug --strip-producers target/worker/index_bg.wasm -o target/worker/small.wasm
node scripts/order.mjs target/worker/small.wasm target/worker/ordered.wasm
wasm_opt --optimize-level 2 --shrink-level 1 --reorder-functions-by-name --strip-debug \
  target/worker/ordered.wasm -o target/worker/index_bg.wasm
for file in index_bg.wasm index.js; do
  touch -r target/worker.start "target/worker/$file"
  mv -f "target/worker/$file" "build/$file"
done
