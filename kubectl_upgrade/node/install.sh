#!/bin/sh
# Piped to a node's shell with `begin BASE NAME SHA256`, a line `file PATH BASE64` per file and `commit` after it.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
cd / || exit 70
new=

finish() {
    printf 'upgrade-cp: %s\n' "$1"
    exit 0
}

fail() {
    rm -rf "$new"
    printf 'upgrade-cp install: %s\n' "$1" >&2
    exit 74
}

# FOLDER SHA256: root's alone, plain files, the very bytes
is_sound() {
    strange=$(find "$1" ! -user root -o -perm /022 -o ! -type f ! -type d) || return 1
    [ -z "$strange" ] || return 1
    found=$(cd "$1" && find . -type f | sort | xargs sha256sum | sha256sum)
    [ "${found%% *}" = "$2" ]
}

# answers present, altered, or goes on
begin() {
    base=$1 bundle=$1/$2 sha256=$3
    mkdir -p "$base" || fail "cannot make $base"
    [ "$(stat -c '%u %a' "$base")" = "0 700" ] || fail "$base must belong to root and be closed to others (0700)"
    exec 9<"$base" || fail "cannot open $base"
    flock -w 20 9 || fail "$base has been locked for 20 seconds; another call hangs: fuser -v $base"
    if [ -e "$bundle" ]; then
        if is_sound "$bundle" "$sha256"; then finish present; else finish altered; fi
    fi
    new=$bundle.new # under the lock it is ours alone
    rm -rf "$new"
    mkdir "$new" || fail "cannot make $new"
}

file() {
    mkdir -p "$(dirname "$new/$1")" || fail "cannot make a folder in $new"
    printf '%s' "$2" | base64 -d >"$new/$1" || fail "cannot write $new/$1"
}

# answers installed; the mark says that the bundle goes when the run is over
commit() {
    is_sound "$new" "$sha256" || fail "$new is not what was sent: is the disk full?"
    if find "$new" -exec sync {} + && true >"$bundle.ours" && mv -T "$new" "$bundle" && sync "$base"; then
        finish installed
    fi
    fail "cannot install $bundle"
}
