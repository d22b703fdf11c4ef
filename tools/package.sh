#!/usr/bin/env bash
# Builds the Debian package and the list of what is in it, into a folder.
#   tools/package.sh [FOLDER]     FOLDER is target/package when not given
# SOTTO_BIN names a binary that is built already; otherwise one is built with --release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tools/setup.sh
. tools/setup.sh

case "${1:-}" in --help | -h) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
folder="${1:-target/package}"
need_packages dpkg-deb:dpkg objdump:binutils node:nodejs

if [ -z "${SOTTO_BIN:-}" ]; then
  need_rust
  cargo build --release --locked -p sotto --bin sotto
  SOTTO_BIN="$CARGO_TARGET_DIR/release/sotto"
fi
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
put() { install -D -m "$1" "$2" "$root/$3"; }

put 755 "$SOTTO_BIN" usr/bin/sotto
strip --strip-unneeded "$root/usr/bin/sotto"
put 644 packaging/sotto.service usr/lib/systemd/system/sotto.service
put 644 packaging/sysusers.conf usr/lib/sysusers.d/sotto.conf
put 644 packaging/tmpfiles.conf usr/lib/tmpfiles.d/sotto.conf
put 644 packaging/logrotate etc/logrotate.d/sotto
for file in docs/operate/*; do put 644 "$file" "usr/share/doc/sotto/operate/$(basename "$file")"; done
put 644 docs/policy.example.toml usr/share/doc/sotto/policy.example.toml
put 644 LICENSE usr/share/doc/sotto/copyright
tools/sbom.sh "$root/usr/share/doc/sotto/sbom.cdx.json"
chmod 644 "$root/usr/share/doc/sotto/sbom.cdx.json"

# The newest symbol the binary asks the C library for says which one it needs.
glibc=$(objdump -T "$root/usr/bin/sotto" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | cut -d_ -f2)
size=$(du -sk "$root" | cut -f1)
mkdir -p "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<CONTROL
Package: sotto
Version: $version
Section: net
Priority: optional
Architecture: $architecture
Maintainer: Sotto maintainers <maintainers@sotto.invalid>
Installed-Size: $size
Depends: libc6 (>= $glibc), libgcc-s1, ca-certificates, procps
Recommends: systemd, logrotate
Description: self-hosted patient communication for medical practices
 Sends, receives and proves messages between a practice and its patients,
 by text, email and portal. A gate decides for each what may be said by
 which channel; nothing leaves without its permit.
CONTROL
echo /etc/logrotate.d/sotto >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do put 755 "packaging/debian/$script" "DEBIAN/$script"; done
(cd "$root" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)

mkdir -p "$folder"
package="$folder/sotto_${version}_${architecture}.deb"
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
cp "$root/usr/share/doc/sotto/sbom.cdx.json" "$folder/sbom.cdx.json"
say "$package"
say "$folder/sbom.cdx.json"
