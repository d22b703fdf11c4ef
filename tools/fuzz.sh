#!/usr/bin/env bash
# Lets a fuzzer look at every parser, one after the other, and says what it found.
#   tools/fuzz.sh [SECONDS] [TARGET…]     60 seconds each and all targets when not given
# Needs a nightly toolchain (rustup toolchain install nightly) and cargo-fuzz, which it installs.
# The first build takes several minutes. A target that finds something leaves its input under
# fuzz/artifacts; the others still run, and the end is an error.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=tools/setup.sh
. tools/setup.sh

case "${1:-}" in --help | -h) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
seconds="${1:-60}"
[[ "$seconds" =~ ^[0-9]+$ ]] || die "SECONDS must be a number such as 60, not what was given"
shift || true
targets=("$@")
if [ "${#targets[@]}" -eq 0 ]; then
  for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi
for target in "${targets[@]}"; do
  [ -f "fuzz/fuzz_targets/$target.rs" ] || die "there is no target $target; see fuzz/fuzz_targets"
done

need_rust
cargo +nightly --version >/dev/null 2>&1 || die "a nightly toolchain is needed: rustup toolchain install nightly"
has cargo-fuzz || cargo install --locked --quiet cargo-fuzz || die "cargo-fuzz could not be installed"
# cargo-fuzz keeps its builds apart: its flags are other ones.
unset CARGO_TARGET_DIR

found=() began=$SECONDS
for target in "${targets[@]}"; do
  say "── $target, $seconds s"
  if cargo +nightly fuzz run --sanitizer none "$target" -- \
    -max_total_time="$seconds" -print_final_stats=1 -verbosity=0; then
    say "   nothing found"
  else
    found+=("$target")
  fi
done
say "" "${#targets[@]} targets in $((SECONDS - began)) s"
if [ "${#found[@]}" -gt 0 ]; then
  printf 'found something: %s\n' "${found[@]}"
  exit 1
fi
