#!/bin/sh
# Starts supervisors for the server: the server is large, and to fork it for each run would hold it up for milliseconds.
#   launcher.sh SUPERVISOR
# Reads a run from stdin, one value a line: its spool folder, its id, the file for its output, its cgroup or nothing, the
# number of the words of its command, and the words. A line that is empty asks to take note of those that have ended,
# which would else stay as zombies.
# Supervisors report through stdout. When stdin ends, the server has; what runs goes on.
supervisor=$1
children=/proc/$$/task/$$/children
launched=

# a terminal that is closed, or a server that is gone, is no reason to end
trap '' HUP INT PIPE
command -v setsid >/dev/null || setsid() { "$@"; }

while IFS= read -r spool; do
  if [ -z "$spool" ]; then
    jobs >/dev/null
    continue
  fi
  # what was cut off in the middle is not started
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
  # append: what opens the file anew, through /dev/stdout, does not write over the rest
  SIBLE_RUN_ID=$id SIBLE_EVENTS=$spool/events.jsonl setsid /bin/sh "$supervisor" "$spool" "$cgroup" "$@" \
    </dev/null 3>&1 >>"$output" 2>&1 &
  [ -r "$children" ] || launched="$launched $!"
done

# those that wait to be started look, see that nobody has said so, and end; the last of them may not be there yet.
# Only children are woken: what a spool folder says of a process may be anything. The others do not mind.
for again in 1 2 3; do
  { read -r launched <"$children"; } 2>/dev/null
  # shellcheck disable=SC2086
  kill -CONT $launched 2>/dev/null
  sleep 1
done
