#!/bin/sh
# Install kubelet VERSION (1.35.4), and kubectl where it is installed, after the new kubelet has proved that it knows
# every flag that this node gives it. The running kubelet stays until it is restarted.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/apt.sh"
. "$lib/apt-repository.sh"
. "$lib/repository-switch.sh"
. "$lib/apt-world.sh"
. "$lib/kubelet-flags.sh"

# Unpack kubelet=REVISION aside, and ask it.
prove_flags() {
    unpack kubelet "$1"
    flags_known "$aside/usr/bin/kubelet"
    known=$?
    rm -rf "$aside"
    [ "$known" -eq 0 ] ||
        fail "kubelet $1 would not start on this node with the flags above; nothing was changed" \
            "remove what it does not know from those files, then apply again"
    say "kubelet $1 knows every flag that this node gives it"
}

argument VERSION "$1" "$version_pattern"

record_holds
recover

kubelet=
now=$(installed kubelet)
case $now in
    "$1"-*)
        say "kubelet $now is installed already"
        use_fetched kubectl "$1" || true
        ;;
    *)
        if ! use_fetched kubelet "$1"; then
            revision=$(candidate kubelet "$1")
            if [ -z "$revision" ]; then
                update "$(kubernetes_sources | cut -d ' ' -f 1 | sort -u | head -n 1)"
                revision=$(candidate kubelet "$1")
            fi
        fi
        [ -n "$revision" ] || fail "no repository of this node offers kubelet $1" \
            "publish it in the repository (a mirror may lag behind), then apply again"
        prove_flags "$revision"
        kubelet=kubelet=$revision
        ;;
esac
kubectl=
if [ -n "$world" ]; then client=$(fetched kubectl "$1"); else client=$(candidate kubectl "$1"); fi
# a kubectl from elsewhere, or a newer one, is not ours to replace
if [ -n "$client" ] && dpkg --compare-versions "$(installed kubectl)" lt-nl "$client"; then
    kubectl=kubectl=$client
fi
# shellcheck disable=SC2086 # one, the other or both
[ -z "$kubelet$kubectl" ] || install_only $kubelet $kubectl
said=$(kubelet --version 2>&1)
[ "$said" = "Kubernetes v$1" ] || fail "kubelet on this node says $said, not Kubernetes v$1" \
    "find out which kubelet comes first on the PATH ($(command -v kubelet)), then apply again"
rm -f "$UPGRADE_CP_KEEP/stepped-back"
say "kubelet v$1 is on disk; the running one is the old one until it is restarted"
