#!/bin/sh
# Runs one playbook in its own session, and records how it ended, whether or not the server lives.
#   supervisor.sh SPOOL CGROUP FOLDER NOTICE [NAME=VALUE|NAME...] -- PROGRAM [ARGUMENT...]
# CGROUP is the run's own; empty: none. FOLDER is the working folder.
# NAME=VALUE adds to or overrides the variables common to all runs, NAME unsets one.
# NOTICE is the first line of the log; empty: none.
# stdin is /dev/null, stdout and stderr are the spool's output.log, and 3 reports to the server:
#   RUN ready PID START BOOT · RUN began · RUN ended CODE|- [full]
# Files are written with one write(2) of a few bytes and end in a newline; readers ignore one without it.
# A playbook runs as the same user: what exists in the folder already is neither opened nor written to.
spool=$1
cgroup=$2
folder=$3
notice=$4
shift 4
while [ "$1" != -- ]; do
  case $1 in
    *=*) export "$1" ;;
    *) unset "$1" ;;
  esac
  shift
done
shift
set -C

trap '' HUP PIPE
program=
interrupted=
forward() {
  interrupted=1
  [ -z "$program" ] || kill -TERM "$program" 2>/dev/null
}
trap forward TERM INT

report() { printf '%s %s\n' "$SIBLE_RUN_ID" "$*" >&3; }
is_free() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
may_start() { [ -f "$spool/request.json" ] && [ ! -L "$spool/request.json" ]; }

# its identity: reported first, so that it can be woken and found
start_time() {
  shift 21
  start=$1
}
start=
boot=
if read -r line </proc/self/stat; then
  # shellcheck disable=SC2086
  start_time $line
fi 2>/dev/null
read -r boot </proc/sys/kernel/random/boot_id 2>/dev/null
report ready "$$" "${start:--}" "${boot:--}"
if is_free "$spool/pid"; then
  printf '%s %s %s %s\n' "$$" "${start:--}" "${boot:--}" "$PPID" >"$spool/pid"
fi 2>/dev/null

# entering a cgroup takes the kernel 10 ms: a waiting supervisor does it now, any other while the playbook runs
if ! may_start; then
  [ -z "$cgroup" ] || printf '%s\n' "$$" >|"$cgroup/cgroup.procs"
  # armed ahead of its instant: sleeps until the server allows the start, or is gone
  may_start || kill -STOP "$$"
  may_start || {
    report ended -
    exit 0
  }
  cgroup=
fi 2>/dev/null

# decides the race between this start and a server that came back and gave it up
is_free "$spool/started" && true 2>/dev/null >"$spool/started" || {
  report ended -
  exit 0
}
# opened before the playbook can replace it
has_status=
if is_free "$spool/status"; then
  exec 4>"$spool/status"
  has_status=1
fi

{
  [ -z "$notice" ] || printf '%s\n' "$notice"
  cd "$folder" || exit 126
  unset OLDPWD
  exec "$@"
} </dev/null 3>&- 4>&- &
program=$!
# the shell itself must be silent: it would write "Killed" into the playbook's log
exec >/dev/null 2>&1
report began
# a signal to end arrived before the program existed
[ -z "$interrupted" ] || kill -TERM "$program"

# moves a process and its children into the cgroup; what they start from then on is born there
enter() {
  for entering in "$@"; do
    printf '%s\n' "$entering" >|"$cgroup/cgroup.procs" || continue
    children=
    read -r children <"/proc/$entering/task/$entering/children"
    # shellcheck disable=SC2086
    enter $children
  done
}
# itself last: a signal to end must not wait for it
[ -z "$cgroup" ] || {
  enter "$program"
  printf '%s\n' "$$" >|"$cgroup/cgroup.procs"
}

while :; do
  interrupted=
  wait "$program"
  code=$?
  # a signal to this shell ends `wait` too; wait for the program again
  [ -n "$interrupted" ] || break
done

full=
tries=0
# discards what the playbook has written into the file, or put in its place
[ -n "$has_status" ] && [ "$spool/status" -ef "/proc/$$/fd/4" ] && : >|"/proc/$$/fd/4" || {
  has_status=
  [ -L "$spool" ] || rm -rf -- "$spool/status"
}
write_status() {
  if [ -n "$has_status" ]; then
    printf '%s%s\n' "$code" "$full" >&4
  else
    is_free "$spool/status" && printf '%s%s\n' "$code" "$full" >"$spool/status"
  fi
}
until write_status; do
  # the folder was removed: there is nowhere to write it
  [ -d "$spool" ] && [ ! -L "$spool" ] || break
  # the disk is full, but may not stay so
  full=' full'
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || break
  sleep 1
done
report ended "$code$full"
# the server also reads it from the kernel, until the zombie is reaped
exit "$code"
