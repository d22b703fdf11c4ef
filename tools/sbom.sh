#!/usr/bin/env bash
# Writes what the program is made of, in CycloneDX (ASVS 5.0 15.1.2): every crate of Cargo.lock,
# with its checksum, licence and what it needs, and the script that pages carry.
#   tools/sbom.sh [FILE]     FILE is target/sbom.cdx.json when not given
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case "${1:-}" in --help | -h) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
file="${1:-target/sbom.cdx.json}"
mkdir -p "$(dirname "$file")"
cargo metadata --format-version 1 --locked | node tools/sbom.mjs >"$file"
