#!/usr/bin/env bash
# A MongoDB-compatible server for tests on a Debian machine without Docker: FerretDB (Go) in front of PostgreSQL with the
# DocumentDB extension, from Debian testing in a chroot. No transactions, no change streams: what Sible does not rely on.
#
#   mongo-wire.sh up                install what is missing (about 3 minutes, once), start, print MONGODB_URI=…
#   mongo-wire.sh status            say whether it answers
#   mongo-wire.sh hang | resume     stop and continue the front server: a database that does not answer
#   mongo-wire.sh kill | start      end both at once, and start them on the same data: a database that dies
#   mongo-wire.sh down              stop, and remove the data
#
# Needs root, apt-get, and Go 1.24 or newer. SIBLE_MONGO_CACHE, SIBLE_MONGO_PORT and SIBLE_MONGO_PG_PORT move it; with other
# ports there may be several at once, each with data of its own: one to be killed while others are used.
set -euo pipefail
cache=${SIBLE_MONGO_CACHE:-/var/cache/mongo-wire}
port=${SIBLE_MONGO_PORT:-27117}
# below the ports that the kernel gives to connections: one of those may be taken when it starts
pg_port=${SIBLE_MONGO_PG_PORT:-25432}
root=$cache/rootfs
ferretdb=$cache/bin/ferretdb
ferretdb_version=v2.7.0
pg_bin=/usr/lib/postgresql/18/bin
pg_data=/var/lib/documentdb-$pg_port
pid_file=$cache/ferretdb-$port.pid

fail() { echo "mongo-wire: $*" >&2; exit 1; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
in_chroot() { chroot "$root" su postgres -s /bin/sh -c "$1"; }

debian_mirror() {
  apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' | awk '$1 == "Debian" && $2 !~ /security/ { print $2; exit }'
}

install_missing() {
  mkdir -p "$cache/bin"
  if [ ! -x "$ferretdb" ]; then
    command -v go >/dev/null || fail 'Go 1.24 or newer is needed to build FerretDB; install it, or set MONGODB_URI to a server of yours.'
    GOBIN=$cache/bin go install "github.com/FerretDB/FerretDB/v2/cmd/ferretdb@$ferretdb_version" >&2
  fi
  [ ! -e "$root/.complete" ] || return 0
  [ "$(id -u)" = 0 ] || fail 'root is needed to install PostgreSQL in a chroot.'
  # the lists of packages may be old or not there at all
  apt-get update -qq >&2
  command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap >&2
  local mirror
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || fail "apt's sources name no Debian mirror."
  # half an installation is none
  rm -rf --one-file-system "$root"
  debootstrap --variant=minbase --include=postgresql-18-documentdb,postgresql-18-cron forky "$root" "$mirror" \
    /usr/share/debootstrap/scripts/sid >"$cache/debootstrap.log" 2>&1 || { tail -20 "$cache/debootstrap.log" >&2; fail 'debootstrap failed.'; }
  touch "$root/.complete"
}

make_cluster() {
  mkdir -p "$root$pg_data"
  chroot "$root" chown postgres "$pg_data"
  in_chroot "$pg_bin/initdb -D $pg_data -A trust -U postgres -E UTF8 --locale=C.UTF-8 -N" >"$cache/initdb-$pg_port.log" 2>&1
  cat >>"$root$pg_data/postgresql.conf" <<CONF
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
cron.database_name = 'postgres'
listen_addresses = '127.0.0.1'
port = $pg_port
unix_socket_directories = '/tmp'
dynamic_shared_memory_type = mmap
max_connections = 200
CONF
}

start_both() {
  local is_new=
  if [ ! -e "$root$pg_data/PG_VERSION" ]; then
    make_cluster
    is_new=1
  fi
  rm -f "$root$pg_data/postmaster.pid"
  # what a kill left behind holds the shared memory for a moment
  for _ in $(seq 40); do
    in_chroot "$pg_bin/pg_ctl -D $pg_data -l $pg_data/log -w start" >/dev/null 2>&1 && break
    sleep 0.5
  done
  in_chroot "$pg_bin/pg_ctl -D $pg_data status" >/dev/null || { tail -5 "$root$pg_data/log" >&2; fail 'PostgreSQL did not start.'; }
  if [ -n "$is_new" ]; then
    in_chroot "$pg_bin/psql -q -h 127.0.0.1 -p $pg_port -c 'create extension documentdb cascade'" >"$cache/extension-$pg_port.log" 2>&1
  fi
  local state=$cache/state-$port
  mkdir -p "$state"
  FERRETDB_TELEMETRY=disable setsid "$ferretdb" --no-auth --listen-addr="127.0.0.1:$port" --debug-addr=- --log-level=error \
    --state-dir="$state" --postgresql-url="postgres://postgres@127.0.0.1:$pg_port/postgres" \
    >>"$cache/ferretdb-$port.log" 2>&1 </dev/null &
  echo $! >"$pid_file"
  for _ in $(seq 100); do
    answers "$port" && return
    sleep 0.1
  done
  fail "FerretDB did not start; see $cache/ferretdb-$port.log."
}

signal_front() { kill "-$1" "$(cat "$pid_file")" 2>/dev/null || true; }
postmaster() { head -1 "$root$pg_data/postmaster.pid" 2>/dev/null || true; }

case "${1:-}" in
  up)
    install_missing
    answers "$port" || start_both
    echo "MONGODB_URI=mongodb://127.0.0.1:$port/" ;;
  start)
    answers "$port" || start_both
    echo "MONGODB_URI=mongodb://127.0.0.1:$port/" ;;
  status) answers "$port" && echo "answers on port $port" || fail "nothing answers on port $port." ;;
  hang) signal_front STOP ;;
  resume) signal_front CONT ;;
  kill)
    signal_front KILL
    pid=$(postmaster)
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
    # a start right after must not take the dying one for one that answers
    for _ in $(seq 100); do
      answers "$port" || break
      sleep 0.05
    done ;;
  down)
    signal_front TERM
    in_chroot "$pg_bin/pg_ctl -D $pg_data -m immediate stop" >/dev/null 2>&1 || true
    rm -rf --one-file-system "$root$pg_data" "$pid_file" ;;
  *)
    sed -n '2,12p' "$0"
    exit 2 ;;
esac
