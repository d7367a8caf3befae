# Point the node's one apt source of Kubernetes at another minor. Sourced after action.sh and apt-repository.sh.

# Sets `source` to the file and `line` to what it serves; both are empty when no source is split by minor.
find_source() {
    found=$(kubernetes_sources) || fail "apt cannot read its sources" "$read_apt"
    source=$(printf '%s\n' "$found" | cut -d ' ' -f 1 | sort -u)
    if [ -n "$source" ] && [ "$(printf '%s\n' "$found" | cut -d ' ' -f 1,3 | sort -u | wc -l)" -gt 1 ]; then
        printf '%s\n' "$found" | cut -d ' ' -f 1,3
        fail "several apt sources serve Kubernetes" "keep one of them on this node, then apply again"
    fi
    line=${found##* }
}

# switch_repository v1.N: finds the source and rewrites it; the file as it was stays in the run's folder.
switch_repository() {
    find_source
    if [ -z "$source" ]; then
        say "no apt source of this node is split by minor: nothing to switch"
        return
    fi
    if [ "$line" = "$1" ]; then
        say "$source serves $1 already"
        return
    fi
    save_source
    rewrite_source "$1"
    say "$source serves $1 now, it served $line"
    kubernetes_sources | grep -q " $1\$" ||
        fail "$source still does not serve $1" "look at the file, its original is in $UPGRADE_CP_KEEP"
}

save_source() {
    if [ ! -e "$UPGRADE_CP_KEEP/source-path" ]; then
        keep source <"$source"
        printf '%s\n' "$source" | keep source-path || exit 1
    fi
}

# A new file takes the old one's place, owner and mode.
rewrite_source() {
    real=$(readlink -f "$source")
    new=$real.upgrade-cp # apt reads .list and .sources only
    if ! { cp -p "$real" "$new" && switched_to "$1" <"$real" >"$new" && sync "$new" && mv "$new" "$real" &&
        sync "${real%/*}"; }; then
        fail "cannot rewrite $real" "make room on the disk of this node, then apply again"
    fi
}

# switched_to v1.N: the found source, read from stdin, as it would serve that minor. Only the minor changes, in the
# addresses that apt uses.
switched_to() {
    FOUND=$found awk -v minor="$1" '
        BEGIN {
            count = split(ENVIRON["FOUND"], line, "\n")
            for (i = 1; i <= count; i++) { split(line[i], part, " "); before[i] = part[2]; old[i] = part[2] part[3] }
        }
        !/^[ \t]*#/ {
            for (i = 1; i <= count; i++) {
                at = index($0, old[i])
                rest = substr($0, at + length(old[i]))
                if (at && rest ~ /^([\/ \t]|$)/) $0 = substr($0, 1, at - 1) before[i] minor rest
            }
        }
        { print }
    '
}
