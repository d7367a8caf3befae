#!/bin/sh
# Install kubeadm VERSION (1.35.4) from the repository of its minor LINE (v1.35).

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/apt.sh"
. "$lib/apt-repository.sh"
. "$lib/repository-switch.sh"
. "$lib/apt-world.sh"

argument VERSION "$1" "$version_pattern"
argument LINE "$2" "v1\\.$number"

record_holds
recover
switch_repository "$2"

now=$(installed kubeadm)
case $now in
    "$1"-*) say "kubeadm $now is installed already" ;;
    *)
        if ! use_fetched kubeadm "$1"; then
            update "$source"
            revision=$(candidate kubeadm "$1")
        fi
        [ -n "$revision" ] || fail "no repository of this node offers kubeadm $1" \
            "publish it in the repository (a mirror may lag behind), then apply again"
        install_only "kubeadm=$revision"
        ;;
esac
said=$(kubeadm version -o short 2>&1)
[ "$said" = "v$1" ] || fail "kubeadm on this node says $said, not v$1" \
    "find out which kubeadm comes first on the PATH ($(command -v kubeadm)), then apply again"
say "kubeadm is v$1"
