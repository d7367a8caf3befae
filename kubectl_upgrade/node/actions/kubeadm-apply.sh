#!/bin/sh
# Upgrade the cluster's configuration and this node's control plane to VERSION (v1.35.4). Further arguments may be
# apiserver-grace=SECONDS and nudge-kubelet=yes.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubeadm.sh"

argument VERSION "$1" "v$version_pattern"
argument PATCHES "$2" 'none|standard'
ignored_argument "$3"
version=$1 patches=$2 ignored=$3
shift 3
further_arguments "$@"

said=$(kubeadm version -o short 2>&1)
[ "$said" = "$version" ] || fail "kubeadm on this node is $said, not $version" \
    "install kubeadm ${version#v} on this node, then apply again"
[ -e /etc/kubernetes/admin.conf ] || fail "no /etc/kubernetes/admin.conf on this node" \
    "make it (kubeadm init phase kubeconfig admin) or plan with a first control-plane node that has it"
upgrade "$patches" "$ignored" apply "$version" --yes
say "kubeadm upgrade apply $version succeeded"
