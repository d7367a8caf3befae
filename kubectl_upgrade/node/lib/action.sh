# How every action speaks, fails and reads its arguments. Sourced first.

umask 022
export HOME=/root
: "${UPGRADE_CP_KEEP:?is the folder of this run on this node}"
(umask 077 && mkdir -p "$UPGRADE_CP_KEEP") || exit 1

say() {
    printf '%s\n' "$*"
}

# fail WHAT WHAT_TO_DO: the end of an action that did not succeed.
fail() {
    printf 'Failed: %s\nWhat to do: %s\n' "$1" "$2"
    exit 1
}

# argument NAME TEXT PATTERN: the whole text, one line of it, must match.
argument() {
    case $2 in *[!A-Za-z0-9._,:=+/-]*) ;; *) printf '%s' "$2" | grep -Exq -e "$3" && return ;; esac
    printf 'Refused: %s may not be %s\n' "$1" "$2"
    exit 2
}

# patterns for argument
number='(0|[1-9][0-9]{0,3})'
# shellcheck disable=SC2034 # actions use it
version_pattern="$number\\.$number\\.$number(-[0-9A-Za-z.-]{1,64})?"

# keep NAME: what comes in becomes a file of this run's folder, whole and on disk, or not at all.
keep() {
    if ! { cat >"$UPGRADE_CP_KEEP/$1.new" && sync "$UPGRADE_CP_KEEP/$1.new" &&
        mv "$UPGRADE_CP_KEEP/$1.new" "$UPGRADE_CP_KEEP/$1" && sync "$UPGRADE_CP_KEEP"; }; then
        fail "cannot write $UPGRADE_CP_KEEP/$1" "make room on the disk of this node, then apply again"
    fi
}
