#!/bin/sh
# What the newest of our units on this node printed last: its name, then its last 20 lines.

place=/var/lib/upgrade-cp/units
newest=
since=-1
for record in "$place"/*/; do
    record=${record%/}
    started=$(sed -n 's/^started //p' "$record/start" 2>/dev/null)
    if [ "${started:-0}" -ge "$since" ] && [ -e "$record/start" ]; then
        newest=$record
        since=${started:-0}
    fi
done
[ -n "$newest" ] || exit 0
echo "unit ${newest##*/}"
[ ! -e "$newest/output" ] || tail -n 20 "$newest/output" | cut -c 1-400 | sed 's/^/line /'
