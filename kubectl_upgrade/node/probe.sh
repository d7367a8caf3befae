#!/bin/sh
# Piped to a node's shell with a line `fact NAME BASE64 ARGUMENTS` per fact after it; leaves nothing there.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
cd / || exit 70

# answers with `upgrade-cp: NAME BASE64`: the end of what the fact printed, then a line with its exit code
fact() {
    name=$1
    program=$(printf '%s' "$2" | base64 -d)
    shift 2
    printf 'upgrade-cp: %s ' "$name"
    {
        timeout -k 5 30 /bin/sh -c "$program" "$name" "$@" </dev/null 2>&1
        printf '\n%s' "$?"
    } | tail -c 262144 | base64 -w 0
    echo
}
