#!/bin/sh
# Which deprecated APIs were requested of the API server on this node since it started: each counts for itself alone.

server=$(own_apiserver) || exit 1
# megabytes on a big cluster: they go no further than this pipe
found=$({
    ask_apiserver "$server/metrics" 20
    # an answer that was cut off has a good code, too
    printf '\nended %s\n' "$?"
} | sed -n 's/^apiserver_requested_deprecated_apis{\(.*\)} [1-9].*/api \1/p; s/^[0-9][0-9][0-9]$/code &/p; s/^ended /&/p')
code=$(printf '%s\n' "$found" | sed -n 's/^code //p' | tail -n 1)
ended=$(printf '%s\n' "$found" | sed -n 's/^ended //p')
if [ "$code $ended" != "200 0" ]; then
    echo "$server/metrics answered ${code:-nothing}, curl ended with $ended" >&2
    exit 1
fi
printf '%s\n' "$found" | sed '/^ended /d'
