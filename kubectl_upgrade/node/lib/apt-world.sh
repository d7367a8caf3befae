# A world of apt's own in the run's folder: the system's sources, but that of Kubernetes serves the wanted minor; lists
# and archives. What is fetched there changes nothing of the system's, and is installed later without any network.
# Sourced after action.sh, apt.sh, apt-repository.sh and repository-switch.sh.

own_world=$UPGRADE_CP_KEEP/apt
no_room="make room on the disk of this node, then apply again"

# build_world v1.N: sets `index` to the source file whose index has to be fetched, empty when that is every one's.
build_world() {
    find_source
    index=
    rm -rf "$own_world/sources"
    mkdir -p "$own_world/sources/sources.list.d" "$own_world/lists/partial" "$own_world/archives/partial" ||
        fail "cannot make $own_world" "$no_room"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ -e "$file" ] || continue
        copy=$own_world/sources/${file#/etc/apt/}
        if [ "$file" = "$source" ]; then
            index=$copy
            switched_to "$1" <"$file" >"$copy"
        else
            cp -L "$file" "$copy"
        fi || fail "cannot write $copy" "$no_room"
    done
    [ -z "$index" ] || served_by "$index" | grep -q " $1\$" ||
        fail "$source cannot be made to serve $1" "look at the addresses in that file, then apply again"
    seed_lists
}

# The other sources' indexes are the system's, also on disk; that of Kubernetes is fetched anew.
seed_lists() {
    find "$own_world/lists" -type f -delete
    for list in /var/lib/apt/lists/*; do
        [ ! -f "$list" ] || [ "${list##*/}" = lock ] || cp -al "$list" "$own_world/lists/" 2>/dev/null ||
            cp -a "$list" "$own_world/lists/" || fail "cannot copy $list" "$no_room"
    done
    [ -z "$index" ] || for release in $(apt-get update --print-uris -o "Dir::Etc::sourcelist=$index" \
        -o Dir::Etc::sourceparts=- </dev/null | sed -n "s/^'[^']*' \([^ ]*\)InRelease .*/\1/p"); do
        find "$own_world/lists" -maxdepth 1 -type f -name "$release*" -delete
    done
}

# fetched PACKAGE VERSION: print the revision of it that lies in the world.
fetched() {
    [ -e "$UPGRADE_CP_KEEP/fetched" ] || return 0
    while read -r spec; do
        case $spec in "$1=$2"-*) echo "${spec#*=}" ;; esac
    done <"$UPGRADE_CP_KEEP/fetched"
}

# missing PACKAGE=VERSION…: bytes that apt would fetch to install these, in `bytes`, and how many files, in `files`.
missing() {
    # shellcheck disable=SC2086 # a list of words
    apt_get --assume-yes --print-uris $install_words "$@" || return 1
    # shellcheck disable=SC2034 # apt-fetch-packages uses it
    bytes=$(awk '/^\047/ { sum += $3 } END { printf "%.0f", sum }' "$output")
    files=$(grep -c "^'" "$output" || true)
}

# use_fetched PACKAGE VERSION: go on in the world, where nothing is left to be fetched; sets `revision`. 1 when it does
# not hold this version, whole.
use_fetched() {
    revision=$(fetched "$1" "$2")
    [ -n "$revision" ] || return 1
    world=$own_world
    # shellcheck disable=SC2046 # a list of words
    if missing $(cat "$UPGRADE_CP_KEEP/fetched") && [ "$files" -eq 0 ]; then
        say "$1 $revision was fetched before"
        return 0
    fi
    world=
    return 1
}

# unpack PACKAGE REVISION: set `aside` to a folder with usr/bin/PACKAGE of it.
unpack() {
    aside=$UPGRADE_CP_KEEP/$1-new
    rm -rf "$aside" && mkdir "$aside" || exit 1
    # shellcheck disable=SC2086 # a list of words
    apt_get --assume-yes --download-only $install_words "$1=$2" || fail "download of $1 $2" "$read_apt"
    archives=${world:-/var/cache/apt}/archives
    deb=$(find "$archives" -maxdepth 1 -name "$1_$2_$(dpkg --print-architecture).deb")
    if [ -z "$deb" ]; then # a repository on this node's own disk is not copied to the cache
        (cd "$aside" && apt_get download "$1=$2") || fail "download of $1 $2" "$read_apt"
        deb=$(find "$aside" -name '*.deb')
    fi
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$aside" --wildcards "*usr/bin/$1" ||
        fail "cannot unpack $deb" "make room under $UPGRADE_CP_KEEP on this node, then apply again"
}
