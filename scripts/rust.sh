#!/bin/sh
# Makes sure that the toolchain of rust-toolchain.toml is there, with its target and components.
# rustup would often do it by itself, but not where RUSTUP_AUTO_INSTALL=0, and then it only says no.
set -eu

field() { sed -n "s/^$1 = *//p" rust-toolchain.toml | tr -d '[]" '; }
channel=$(field channel)
targets=$(field targets)

complete() {
  RUSTUP_AUTO_INSTALL=0 rustc --version 2>/dev/null | grep -q "^rustc $channel " &&
    [ -d "$(rustc --print target-libdir --target "$targets")" ] &&
    cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}

complete && exit 0
if ! command -v rustup >/dev/null; then
  echo "Rust $channel with clippy, rustfmt and the target $targets is missing, and so is rustup, which installs it: https://rustup.rs" >&2
  exit 1
fi
echo "Installing Rust $channel with the target $targets (rustup, about half a minute)"
rustup toolchain install "$channel" --no-self-update --profile minimal --component "$(field components)" --target "$targets"
complete || { echo "Rust $channel was installed, but $(command -v rustc) is not it: put rustup's own cargo and rustc first on the PATH" >&2; exit 1; }
