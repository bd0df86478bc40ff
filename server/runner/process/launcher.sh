#!/bin/sh
# Starts supervisors for the server: forking the large server for each run would block it for milliseconds.
#   launcher.sh SUPERVISOR
# Reads a run from stdin, one value a line: its spool folder, its id, the file for its output, its cgroup or nothing,
# the number of words of its command, and the words. An empty line asks to reap the supervisors that have ended, which
# would otherwise stay zombies.
# Supervisors report through stdout. When stdin ends, the server has; running programs continue.
supervisor=$1
children=/proc/$$/task/$$/children
launched=

# neither a closed terminal nor a gone server is a reason to end
trap '' HUP INT PIPE
command -v setsid >/dev/null || setsid() { "$@"; }

while IFS= read -r spool; do
  if [ -z "$spool" ]; then
    jobs >/dev/null
    continue
  fi
  # an incomplete run is not started
  IFS= read -r id || break
  IFS= read -r output || break
  IFS= read -r cgroup || break
  IFS= read -r count || break
  set --
  while [ "$count" -gt 0 ]; do
    IFS= read -r word || break 2
    set -- "$@" "$word"
    count=$((count - 1))
  done
  # append: a program that reopens the file through /dev/stdout must not overwrite the rest
  SIBLE_RUN_ID=$id SIBLE_EVENTS=$spool/events.jsonl setsid /bin/sh "$supervisor" "$spool" "$cgroup" "$@" \
    </dev/null 3>&1 >>"$output" 2>&1 &
  [ -r "$children" ] || launched="$launched $!"
done

# waiting supervisors check for permission to start, find none, and end; the last of them may not exist yet.
# Only children are woken: a spool folder may name any process. Running ones ignore it.
for again in 1 2 3; do
  { read -r launched <"$children"; } 2>/dev/null
  # shellcheck disable=SC2086
  kill -CONT $launched 2>/dev/null
  sleep 1
done
