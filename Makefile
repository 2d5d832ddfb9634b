# One command each for developing, testing and building. Works with GNU make 3.81 (macOS) and later.
#
# What is missing is installed once, pinned, into the project's own folders: .tools/, node_modules/, target/.
# Needed beforehand: Rust (rustup), Node 20 or later with npm, make.

.SUFFIXES:
.PHONY: help setup dev build package example test test-all bench bench-docs soak check-bypass fuzz clean

# One target folder, whatever the user's own cargo configuration says: the scripts read from it.
export CARGO_TARGET_DIR := $(CURDIR)/target

# For the example alone, which is built as any Worker in Rust is. It goes with the crate `worker`, whose version
# Cargo.toml pins.
WORKER_BUILD := $(shell sed -n 's/^worker = .*"=\([0-9.]*\)".*/\1/p' Cargo.toml)
CARGO_DENY   := 0.20.2

# Tools that run for seconds: unoptimised, they are there in a third of the time.
INSTALL := CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
           cargo install --quiet --locked --root .tools --target-dir .tools/build

RUST      := .tools/rust
NODE      := node_modules/.installed
PYTHON    := .tools/python/installed.txt
EXPRESS   := bench/node_modules/.installed
TOOLS     := $(RUST) $(NODE)
WITH_NODE := PATH="$(CURDIR)/node_modules/.bin:$$PATH"

help:
	@echo "make dev       the paywall on http://127.0.0.1:8402, with a pretend Stripe and a demo origin; Ctrl-C ends it"
	@echo "               PORT, STRIPE_PORT, ORIGIN_PORT and STATE (a folder) can be set: make dev PORT=9402 ..."
	@echo "make test      format, lints, tests, size, end-to-end"
	@echo "make test-all  the same, and what needs more tools"
	@echo "make bench     what it can take, beside its yardsticks; SECONDS=1 ROUNDS=2 CASES=hot,free for a shorter run"
	@echo "make bench-docs  puts the figures of the last run into docs/"
	@echo "make soak      N=1000000 histories of the simulated ledger (SEED=7 tells one of them), PATHS=1000000 paths at"
	@echo "               the gate"
	@echo "make fuzz      TARGET=paths SECONDS=60 with cargo-fuzz, on nightly Rust"
	@echo "make check-bypass URL=https://... sends what gets around careless gates to a deployment of yours"
	@echo "make example   a Worker that pays (examples/rust-worker)"
	@echo "make build     build/index.js, build/index_bg.wasm and build/assets/, what wrangler deploys"
	@echo "make package   dist/*.tgz: the built Worker, to be deployed by npx wrangler deploy where there is no Rust"
	@echo "make setup     only install what the others need"
	@echo "make clean     remove what was built (the tools stay)"

setup: $(TOOLS)

# wrangler calls `make build` at every start (wrangler.toml, [build]): nothing to do must cost nothing.
# The folders are in the list too, so that a removed file counts as a change.
INPUTS := Cargo.toml Cargo.lock build.rs wrangler.toml rust-toolchain.toml scripts/build.sh scripts/order.mjs $(shell find src core)

build: build/index.js build/index_bg.wasm build/assets/index.html

build/index.js: $(INPUTS) | $(TOOLS)
	@$(WITH_NODE) sh scripts/build.sh $(INPUTS)

build/index_bg.wasm: build/index.js
	@test -f $@ || { rm -f build/index.js; $(MAKE) --no-print-directory build/index.js; }

# The dashboard's files and the library of its charts. The page comes last, and the folder into its place whole.
ASSETS := $(shell find dashboard)

build/assets/index.html: $(ASSETS) $(NODE)
	@sh scripts/assets.sh

package: build
	@$(WITH_NODE) exec node scripts/package.mjs

# The Worker that pays, in examples/rust-worker, built as the paywall is.
example: $(TOOLS) .tools/worker-build-$(WORKER_BUILD)
	@CARGO_PROFILE_TOOL_OPT_LEVEL=0 cargo build --quiet --profile tool -p wasm-bindgen-tool
	@cd examples/rust-worker && $(WITH_NODE) WASM_BINDGEN_BIN="$(CURDIR)/target/tool/wasm-bindgen" \
	  WASM_OPT_BIN="$(CURDIR)/node_modules/.bin/wasm-opt" ESBUILD_BIN="$(CURDIR)/node_modules/.bin/esbuild" \
	  "$(CURDIR)/.tools/bin/worker-build" --release --no-opt --out-dir build

dev: build
	@test -x target/debug/testbed || echo "Compiling the pretend Stripe and the demo origin (about half a minute)"
	@cargo build --quiet -p stripe402-testbed --bin testbed
	@$(WITH_NODE) exec node scripts/dev.mjs

test: $(TOOLS)
	@$(WITH_NODE) exec node scripts/test.mjs

test-all: $(TOOLS) .tools/cargo-deny-$(CARGO_DENY) $(PYTHON)
	@$(WITH_NODE) exec node scripts/test.mjs --all

# Needs wrk. The yardstick on Express is installed into bench/node_modules/.
BENCH := $(CARGO_TARGET_DIR)/tool/stripe402-bench

bench: build $(EXPRESS)
	@cargo build --quiet --profile tool -p stripe402-bench
	@$(WITH_NODE) exec $(BENCH) measure

bench-docs: $(RUST)
	@cargo build --quiet --profile tool -p stripe402-bench
	@exec $(BENCH) docs

# Other cases at every run, unlike those of `make test`; PROPTEST_RNG_SEED=7 repeats what its message says.
soak: $(RUST)
	@cargo test --profile tool -p stripe402-edge --features mutants --test simulation
	@PROPTEST_CASES=$(or $(PATHS),200000) cargo test --profile tool -p stripe402-edge --features mutants \
	  --test readings --test gate

check-bypass: $(RUST)
	@cargo run --quiet --profile tool -p stripe402-check-bypass -- "$(URL)" $(if $(PATHS),"$(PATHS)")

# Needs a nightly toolchain and cargo-fuzz: cargo install cargo-fuzz. TARGET is one of those in fuzz/targets.
fuzz:
	@cargo +nightly fuzz run $(or $(TARGET),paths) -- -max_total_time=$(or $(SECONDS),60)

clean:
	rm -rf build dist target examples/rust-worker/build

$(RUST): rust-toolchain.toml
	@sh scripts/rust.sh
	@mkdir -p .tools && touch $@

# A copy of the lock file says what was installed: a changed time alone, as after a checkout, installs nothing.
$(NODE): package-lock.json
	@if cmp -s package-lock.json $@; then touch $@; else \
	  command -v npm >/dev/null || { echo "npm is missing: install Node 20 or later, https://nodejs.org"; exit 1; }; \
	  echo "Installing wrangler, workerd, Node 24, wasm-opt, esbuild and what the tests need into node_modules/ (560 MB, about half a minute)"; \
	  npm ci --loglevel=error && cp package-lock.json $@; \
	fi

# As with Node: the copy says what was installed.
$(PYTHON): tests/requirements.txt
	@if cmp -s tests/requirements.txt $@; then touch $@; else sh scripts/python.sh; fi

$(EXPRESS): bench/package-lock.json | $(NODE)
	@cmp -s bench/package-lock.json $@ || { npm ci --loglevel=error --prefix bench && cp bench/package-lock.json $@; }
	@touch $@

.tools/worker-build-$(WORKER_BUILD): | $(RUST)
	@echo "Compiling worker-build $(WORKER_BUILD) into .tools/ (about a minute)"
	@$(INSTALL) --version $(WORKER_BUILD) worker-build || { echo "That did not work. By hand: \
	cargo install worker-build --version $(WORKER_BUILD) --root .tools, then: touch $@"; exit 1; }
	@rm -rf .tools/build && touch $@

.tools/cargo-deny-$(CARGO_DENY): | $(RUST)
	@echo "Compiling cargo-deny $(CARGO_DENY) into .tools/ (about a minute)"
	@$(INSTALL) --version $(CARGO_DENY) cargo-deny || { echo "That did not work. By hand: \
	cargo install cargo-deny --version $(CARGO_DENY) --root .tools, then: touch $@"; exit 1; }
	@rm -rf .tools/build && touch $@
