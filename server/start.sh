#!/bin/sh
# Starts the server without secrets in its environment. What a program was started with stays readable in /proc/PID/environ
# for every process of the same user, playbooks included, whatever the program does. So secrets that come as variables are
# handed on through pipes: in neither the environment, nor the arguments, nor a file.
# usage: start.sh [option of node]...

if [ -n "${SIBLE_ADMIN_TOKEN:-}" ] && [ -z "${SIBLE_ADMIN_TOKEN_FILE:-}" ]; then
  exec 8<<EOF_SECRET
$SIBLE_ADMIN_TOKEN
EOF_SECRET
  unset SIBLE_ADMIN_TOKEN
  export SIBLE_ADMIN_TOKEN_FILE=/dev/fd/8
fi

if [ -n "${MONGODB_URI:-}" ] && [ -z "${MONGODB_URI_FILE:-}" ]; then
  exec 9<<EOF_SECRET
$MONGODB_URI
EOF_SECRET
  unset MONGODB_URI
  export MONGODB_URI_FILE=/dev/fd/9
fi

exec node "$@" "$(dirname "$0")/main.js"
