#!/usr/bin/env bash
# Installs the Debian package on a bare Debian 12 under systemd, and lives with it: start, readiness,
# reload, SIGKILL, doctor, upgrade, stop, purge. Needs root; systemd-nspawn is the machine.
#   tools/try-package.sh [PACKAGE.deb]     built by tools/package.sh when not given
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tools/setup.sh
. tools/setup.sh

case "${1:-}" in --help | -h) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ "$(id -u)" = 0 ] || { echo "tools/try-package.sh: run it as root" >&2; exit 1; }
need_packages debootstrap:debootstrap systemd-nspawn:systemd-container
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package="${1:-}"
if [ -z "$package" ]; then
  tools/package.sh "$work/package" >/dev/null
  package=$(echo "$work"/package/*.deb)
fi

machine="$work/machine"
depends=$(dpkg-deb -f "$package" Depends | sed 's/ ([^)]*)//g; s/ //g')
debootstrap --variant=minbase --include="systemd,systemd-sysv,curl,$depends" \
  bookworm "$machine" >"$work/debootstrap.log" 2>&1 || { tail -n 5 "$work/debootstrap.log" >&2; exit 1; }
cp "$package" "$machine/srv/sotto.deb"
cat >"$machine/srv/live.sh" <<'LIVE'
#!/bin/bash
# Inside the machine. The first thing that is not as it should be ends it.
exec >/srv/said 2>&1
trap 'poweroff' EXIT
set -eux
ready() { curl -sf --retry 20 --retry-delay 1 --retry-all-errors -o /dev/null http://127.0.0.1:8080/readyz; }
dpkg -i /srv/sotto.deb
[ "$(stat -c '%U %a' /etc/sotto /var/lib/sotto | sort -u)" = "sotto 700" ]
if systemctl is-active -q sotto; then exit 1; fi
install -o sotto -g sotto -m 600 /dev/null /etc/sotto/root.key
head -c 32 /dev/urandom | base64 >/etc/sotto/root.key
install -o sotto -g sotto -m 600 /dev/null /etc/sotto/sotto.toml
cat >/etc/sotto/sotto.toml <<SETTINGS
[database]
url = "sqlite:/var/lib/sotto/sotto.db"
[keys]
root_file = "/etc/sotto/root.key"
store = "/var/lib/sotto/keys"
[http]
listen = "127.0.0.1:8080"
[practice]
id = "01990000-0000-7000-8000-000000000001"
name = "Example Family Medicine"
display_name = "Example Family Medicine"
phone = "(303) 555-0199"
timezone = "America/Denver"
portal_url = "https://portal.example.com"
SETTINGS
systemctl start sotto
ready
systemctl reload sotto
ready
kill -9 "$(systemctl show -p MainPID --value sotto)"
sleep 3
ready
# The clock of a container is the machine's own: whether NTP keeps it is not asked here.
setpriv --reuid=sotto --regid=sotto --clear-groups \
  sotto doctor --config /etc/sotto/sotto.toml --no-network --json >/srv/doctor || true
[ -s /srv/doctor ]
if grep -i '"fail"' /srv/doctor | grep -v clock; then exit 1; fi
dpkg -i /srv/sotto.deb
ready
systemctl stop sotto
[ "$(systemctl show -p Result --value sotto)" = success ]
setpriv --reuid=sotto --regid=sotto --clear-groups sotto audit verify --config /etc/sotto/sotto.toml
systemd-analyze security sotto --no-pager | tail -n 1
dpkg --purge sotto
ls /etc/sotto/sotto.toml /var/lib/sotto/sotto.db
echo "all is well"
LIVE
chmod +x "$machine/srv/live.sh"
printf '[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/srv/live.sh\n' \
  >"$machine/etc/systemd/system/live.service"
wants="$machine/etc/systemd/system/multi-user.target.wants"
mkdir -p "$wants" && ln -sf /etc/systemd/system/live.service "$wants/live.service"
timeout 300 systemd-nspawn -q -D "$machine" --register=no --keep-unit -b >"$work/machine.log" 2>&1 || true
grep -h "overall exposure\|Overall exposure" "$machine/srv/said" || true
grep -qx "all is well" "$machine/srv/said" || { tail -n 20 "$machine/srv/said" >&2; exit 1; }
echo "installed, started, reloaded, killed, upgraded, stopped and removed as it should be"
