#!/usr/bin/env bash
# Whether every promise is kept when PostgreSQL fails over: a server with a synchronous standby, both
# on loopback and of this script's own. Under load the server is killed and its standby takes over;
# then, with a new pair, the standby is gone for eight seconds, in which no commit is answered; then
# the first again, with three nodes at work that are killed, paused and cut off before and after.
#   tools/failover.sh [TIMES]     how often each; once when not given
# Needs PostgreSQL's programs and a release build (cargo build --release --bin sotto).
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/setup.sh
. "$root/tools/setup.sh"
# shellcheck source=tools/servers.sh
. "$root/tools/servers.sh"

postgres_bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)

# control FOLDER ARGUMENT…: pg_ctl on the server in it, quietly.
control() {
  local data="$1"
  shift
  as_postgres "$postgres_bin/pg_ctl" -D "$data" -l "$data.log" -w -t 60 "$@" >/dev/null 2>&1
}

# set_in FOLDER LINE…: settings of the server in it.
set_in() {
  local data="$1"
  shift
  # shellcheck disable=SC2016 # the inner shell's
  as_postgres sh -c 'file=$1; shift; printf "%s\n" "$@" >>"$file"' sh "$data/postgresql.auto.conf" "$@"
}

# What happens to the pair under load; sotto bench crash calls it.
strike() {
  case "$1" in
    takeover)
      control "$2/first" -m immediate stop
      # It has nobody to wait for now.
      set_in "$2/second" "synchronous_standby_names = ''"
      control "$2/second" promote
      ;;
    standby-gone)
      control "$2/second" -m immediate stop
      sleep 8
      control "$2/second" start
      ;;
    *) die "there is no strike $1" ;;
  esac
}

# pair FOLDER: two servers, the second a synchronous standby of the first; sets $url.
pair() {
  local pair="$1" first second admin
  first=$(free_port) second=$(free_port)
  admin="host=127.0.0.1 port=$first user=sotto"
  mkdir "$pair" && chmod 700 "$pair" || return 1
  if is_root; then chown postgres:postgres "$pair"; fi
  as_postgres "$postgres_bin/initdb" -D "$pair/first" -U sotto --auth=trust -E UTF8 \
    --locale=C.UTF-8 --no-sync >/dev/null || return 1
  set_in "$pair/first" "listen_addresses = '127.0.0.1'" "unix_socket_directories = '$pair'" \
    "max_connections = 200" "port = $first"
  control "$pair/first" start || return 1
  as_postgres "$postgres_bin/psql" -q -d "$admin dbname=postgres" -c 'CREATE DATABASE sotto' || return 1
  as_postgres "$postgres_bin/pg_basebackup" -c fast -R -C -S standby -D "$pair/second" \
    -d "$admin application_name=standby" || return 1
  set_in "$pair/second" "port = $second"
  control "$pair/second" start || return 1
  set_in "$pair/first" "synchronous_standby_names = 'standby'"
  control "$pair/first" reload || return 1
  url="postgres://sotto@127.0.0.1:$first,127.0.0.1:$second/sotto?target_session_attrs=read-write"
}

gone() {
  control "$1/first" -m immediate stop
  control "$1/second" -m immediate stop
}

case "${1:-}" in
  --help | -h) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --strike) strike "$2" "$3"; exit 0 ;;
esac
times="${1:-1}"
[[ "$times" =~ ^[0-9]+$ ]] || die "TIMES must be a number such as 3, not what was given"
[ -n "$postgres_bin" ] || die "PostgreSQL's programs are missing: apt-get install postgresql"
sotto="$CARGO_TARGET_DIR/release/sotto"
[ -x "$sotto" ] || die "there is no release build; run: cargo build --release --bin sotto"

work=$(mktemp -d "${TMPDIR:-/tmp}/sotto-failover.XXXXXX") && chmod 711 "$work"
current=""
trap 'if [ -n "$current" ]; then gone "$current"; fi; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

broken=0
for ((turn = 1; turn <= times; turn++)); do
  for what in takeover standby-gone nodes; do
    current="$work/$what-$turn" url=""
    pair "$current" || die "two servers could not be set up in $current"
    say "── $what, $turn of $times"
    run=(crash --kills 0 --disaster postgres-restart)
    if [ "$what" = nodes ]; then run=(nodes --nodes 3 --binds 2 --kills 6); fi
    "$sotto" bench "${run[@]}" --seed "$turn" --database "$url" \
      --restart "'$root/tools/failover.sh' --strike ${what/nodes/takeover} '$current'" ||
      broken=$((broken + 1))
    gone "$current"
    rm -rf "$current"
    current=""
  done
done
[ "$broken" -eq 0 ] || die "$broken of $((3 * times)) runs kept not every promise"
