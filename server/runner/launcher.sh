#!/bin/sh
# Starts supervisors for the server: the server is large, and to fork it for each run would hold it up for milliseconds.
#   launcher.sh SUPERVISOR RUNS
# Reads a run from stdin: its spool folder below RUNS, its id, the number of the words of its command, and the words, one a
# line. A line that is empty asks to take note of those that have ended, which would else stay as zombies.
# Supervisors tell their end through stdout. When stdin ends, the server has; what runs goes on.
supervisor=$1
runs=$2

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
  IFS= read -r count || break
  set --
  while [ "$count" -gt 0 ]; do
    IFS= read -r word || break 2
    set -- "$@" "$word"
    count=$((count - 1))
  done
  # append: a playbook and what it leaves behind write to the same file
  SIBLE_RUN_ID=$id SIBLE_EVENTS=$spool/events.jsonl setsid /bin/sh "$supervisor" "$spool" "$@" </dev/null 3>&1 >>"$spool/output.log" 2>&1 &
done

# those of ours that wait to be started look, see that nobody has said so, and end; the last of them may not be there yet.
# Others are a new server's, which may have come meanwhile.
for again in 1 2 3; do
  for file in "$runs"/*/pid; do
    [ -e "${file%pid}started" ] || {
      read -r pid start boot parent <"$file" && [ "$parent" = "$$" ] && kill -CONT "$pid"
    }
  done 2>/dev/null
  sleep 1
done
