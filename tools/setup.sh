# What ./run and ./check share: say, die, and setting up what is missing. Sourced, not run.
# shellcheck shell=bash

: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME
sotto_cache="${XDG_CACHE_HOME:-$HOME/.cache}/sotto"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$sotto_cache/target}"

say() { printf '%s\n' "$*"; }
die() { printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# Rust comes from the person: which toolchain to trust is theirs to say.
need_rust() {
  if ! has cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH="$HOME/.cargo/bin:$PATH"; fi
  has cargo || die "Rust is missing. Install Rust 1.95 or newer (https://rustup.rs), then run this again."
  local have want=1.95.0
  have=$(rustc --version | awk '{print $2}')
  [ "$(printf '%s\n%s\n' "$want" "${have%%-*}" | sort -V | head -n 1)" = "$want" ] \
    || die "Rust $have is too old; 1.95 or newer is needed (rustup update stable)."
}

# ask_for PACKAGE…: installs Debian packages as root, or says what to ask an administrator for.
ask_for() {
  has apt-get || die "this machine has no apt-get; install what these Debian packages hold, then run this again: $*"
  local install="apt-get update && apt-get install -y --no-install-recommends $*"
  if is_root; then
    say "install  $*"
    quietly_installed "$@" || die "could not install: $* (is the package archive reachable? try: $install)"
  else
    die "missing on this machine: $*. Ask an administrator to run:
    sudo sh -c '$install'"
  fi
}

# Installing must not start services: a server of ours runs only inside ./check, on loopback.
quietly_installed() {
  local policy=/usr/sbin/policy-rc.d made="" log
  log=$(mktemp)
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=yes
  fi
  local ok=0
  {
    DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  } >"$log" 2>&1 </dev/null || ok=1
  if [ -n "$made" ]; then rm -f "$policy"; fi
  if [ "$ok" -ne 0 ]; then tail -n 5 "$log" >&2; fi
  rm -f "$log"
  return "$ok"
}

# need_packages COMMAND:PACKAGE[,PACKAGE]…: what is missing, asked for in one go. A COMMAND with a
# slash is a path, which may be a pattern.
need_packages() {
  local pair command wanted missing=()
  for pair in "$@"; do
    command="${pair%%:*}"
    case "$command" in
      */*) compgen -G "$command" >/dev/null && continue ;;
      *) has "$command" && continue ;;
    esac
    IFS=, read -r -a wanted <<<"${pair#*:}"
    missing+=("${wanted[@]}")
  done
  if [ "${#missing[@]}" -gt 0 ]; then ask_for "${missing[@]}"; fi
}
