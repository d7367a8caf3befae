#!/bin/sh
# Fetch kubeadm, kubelet and kubectl VERSION (1.35.4) of the minor LINE (v1.35) for a later installation, and the package
# of the kubelet that is installed, for going back. Sources, packages and holds of this node stay as they are.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/apt.sh"
. "$lib/apt-repository.sh"
. "$lib/repository-switch.sh"
. "$lib/apt-world.sh"
. "$lib/kubelet-flags.sh"

# want PACKAGE VERSION: add it to `wanted`, at its newest revision.
want() {
    revision=$(candidate "$1" "$2")
    [ -n "$revision" ] || fail "no repository of this node offers $1 $2$(served_by "$index" | sed -n 's/^[^ ]* /: /p;q')" \
        "publish it in the repository (a mirror may lag behind), then apply again"
    wanted="$wanted $1=$revision"
}

choose() {
    wanted=
    for package in kubeadm kubelet; do
        case $(installed "$package") in
            "$1"-*) say "$package is at $1 already" ;;
            *) want "$package" "$1" ;;
        esac
    done
    # a kubectl from elsewhere, or a newer one, is not ours to replace
    client=$(candidate kubectl "$1")
    if [ -n "$client" ] && dpkg --compare-versions "$(installed kubectl)" lt-nl "$client"; then
        wanted="$wanted kubectl=$client"
    fi
}

# need_room FOLDER BYTES WHAT_FOR
need_room() {
    free=$(($(df -Pk "$1" | awk 'NR == 2 { print $4 }') * 1024))
    [ "$free" -ge "$2" ] || fail "$1 has $((free >> 20)) MiB free, and $((($2 >> 20) + 1)) MiB are needed $3" "$no_room"
}

# unpacked_bytes PACKAGE=VERSION…: of all of them, on disk.
unpacked_bytes() {
    aptly apt-cache show "$@" </dev/null | awk '/^Installed-Size:/ { sum += $2 } END { printf "%.0f", sum * 1024 }'
}

# So that the kubelet that runs now can run again. Not having it stops nobody.
keep_installed() {
    now=$(installed kubelet)
    case $now in '' | "$1"-*) return ;; esac
    name=kubelet_${now}_$(dpkg --print-architecture).deb
    if [ ! -e "$own_world/archives/$name" ]; then
        say "fetching kubelet $now, for going back"
        rm -rf "$own_world/old" && mkdir "$own_world/old" || exit 1
        # the system's sources offer it, unless they serve another minor by now; with a patch ours do too
        (
            cd "$own_world/old" || exit 1
            world=
            apt_get download "kubelet=$now" && exit
            world=$own_world
            apt_get download "kubelet=$now"
        ) && sync "$own_world/old/$name" && mv "$own_world/old/$name" "$own_world/archives/$name"
    fi
    if [ -e "$own_world/archives/$name" ]; then
        echo "$now" | keep kubelet-before
    else
        say "kubelet $now cannot be kept for going back: no repository of this node offers it any more"
    fi
}

# What kubeadm itself cleans of flags is not judged before it has.
prove() {
    case " $wanted" in
        *" kubeadm="*)
            unpack kubeadm "$(expr " $wanted" : '.* kubeadm=\([^ ]*\)')"
            mv "$aside/usr/bin/kubeadm" "$UPGRADE_CP_KEEP/kubeadm" && rm -rf "$aside" || exit 1
            ;;
    esac
    case $wanted in
        *" kubelet="*)
            unpack kubelet "$(expr "$wanted" : '.* kubelet=\([^ ]*\)')"
            flags_known "$aside/usr/bin/kubelet" /var/lib/kubelet/kubeadm-flags.env
            known=$?
            rm -rf "$aside"
            [ "$known" -eq 0 ] || fail "kubelet $1 would not start on this node with the flags above; nothing was changed" \
                "remove what it does not know from those files, then apply again"
            ;;
    esac
}

argument VERSION "$1" "$version_pattern"
argument LINE "$2" "v1\\.$number"

recover
if [ -e "$UPGRADE_CP_KEEP/fetched-version" ] && [ "$(cat "$UPGRADE_CP_KEEP/fetched-version")" = "$1" ]; then
    world=$own_world
    # shellcheck disable=SC2046 # a list of words
    if missing $(cat "$UPGRADE_CP_KEEP/fetched") && [ "$files" -eq 0 ]; then
        say "all of $1 was fetched before"
        exit 0
    fi
fi
rm -f "$UPGRADE_CP_KEEP/fetched-version" "$UPGRADE_CP_KEEP/fetched"
# indexes are small; without room for them apt's words are hard to understand
need_room "$UPGRADE_CP_KEEP" $((16 << 20)) "to fetch anything"
build_world "$2"
world=$own_world
update "$index"
choose "$1"
# shellcheck disable=SC2086 # a list of words
set -- "$1" $wanted
version=$1
shift
if [ "$#" -gt 0 ]; then
    changes_alone "$@"
    missing "$@" || fail "apt does not say what it would fetch" "$read_apt"
    # programs are unpacked aside, too
    need_room "$UPGRADE_CP_KEEP" $((bytes + $(unpacked_bytes "$@"))) "to fetch $*"
    say "fetching $*"
    # shellcheck disable=SC2086 # a list of words
    apt_get --assume-yes --download-only $install_words "$@" || fail "download of $*" "$read_apt"
    need_room /usr "$(unpacked_bytes "$@")" "to install $*"
    prove "$version"
fi
keep_installed "$version"
printf '%s\n' "$@" | sed '/^$/d' | keep fetched
echo "$version" | keep fetched-version
say "all of $version lies on this node now"
