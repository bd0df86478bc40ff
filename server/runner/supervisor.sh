#!/bin/sh
# Runs one playbook in a session of its own, and writes down how it ended, whether the server lives or not.
#   supervisor.sh SPOOL FOLDER NOTICE [NAME=VALUE...] -- PROGRAM [ARGUMENT...]
# FOLDER is where the program is started, with these variables beside those that all runs have. NOTICE is what its log
# begins with, empty for nothing.
# stdin is closed, stdout and stderr are the spool's output.log, 3 is where the server hears of the end.
# Files are written with one write(2) of a few bytes and end in a newline; a reader takes one without it as not there yet.
spool=$1
folder=$2
notice=$3
shift 3
while [ "$1" != -- ]; do
  export "$1"
  shift
done
shift

trap '' HUP PIPE
program=
interrupted=
forward() {
  interrupted=1
  [ -z "$program" ] || kill -TERM "$program" 2>/dev/null
}
trap forward TERM INT

# who it is: told first, so that it can be woken and found
start_time() {
  shift 21
  echo_start=$1
}
echo_start=
boot=
if read -r line </proc/self/stat; then
  # shellcheck disable=SC2086
  start_time $line
fi 2>/dev/null
read -r boot </proc/sys/kernel/random/boot_id 2>/dev/null
printf '%s %s %s %s\n' "$$" "${echo_start:--}" "${boot:--}" "$PPID" >"$spool/pid"

# made ready ahead of its instant: sleeps until the server has said that it may start, or is gone
[ -e "$spool/request.json" ] || kill -STOP "$$"
tell_end() { printf '%s\n' "$SIBLE_RUN_ID" >&3; }
[ -e "$spool/request.json" ] || { tell_end; exit 0; }

# decides who is first: this start, or a server that came back and has given it up
set -C
true 2>/dev/null >"$spool/started" || exit 0
set +C

{
  [ -z "$notice" ] || printf '%s\n' "$notice"
  cd "$folder" || exit 126
  exec "$@"
} </dev/null 3>&- &
program=$!
# the shell itself has nothing to say: it would write "Killed" into the log of the playbook
exec >/dev/null 2>&1
# asked to end before the program was there
[ -z "$interrupted" ] || kill -TERM "$program" 2>/dev/null

while :; do
  interrupted=
  wait "$program"
  code=$?
  # a signal to this shell ends `wait` too; the program is waited for again
  [ -n "$interrupted" ] || break
done

full=
tries=0
until printf '%s%s\n' "$code" "$full" >"$spool/status"; do
  # somebody has removed the folder: there is nowhere to write it
  [ -d "$spool" ] || break
  # the disk is full: it may not stay so
  full=' full'
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || exit 1
  sleep 1
done
# whoever listens need not look for it; nobody may listen any more
tell_end
