#!/bin/sh
# Which deprecated APIs were requested of the API server on this node since it started: each counts for itself alone.

server=$(own_apiserver) || exit 1
# megabytes on a big cluster: they go no further than this pipe
found=$(ask_apiserver "$server/metrics" 20 |
    sed -n 's/^apiserver_requested_deprecated_apis{\(.*\)} [1-9].*/api \1/p; $s/^/code /p')
code=$(printf '%s\n' "$found" | sed -n 's/^code //p')
if [ "$code" != 200 ]; then
    echo "$server/metrics answered ${code:-nothing}" >&2
    exit 1
fi
printf '%s\n' "$found"
