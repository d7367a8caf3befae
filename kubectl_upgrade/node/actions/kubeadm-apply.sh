#!/bin/sh
# Upgrade the cluster's configuration and this node's control plane to VERSION (v1.35.4).

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubeadm.sh"

argument VERSION "$1" "v$version_pattern"
argument PATCHES "$2" 'none|standard'
ignored_argument "$3"

said=$(kubeadm version -o short 2>&1)
[ "$said" = "$1" ] || fail "kubeadm on this node is $said, not $1" \
    "install kubeadm ${1#v} on this node, then apply again"
[ -e /etc/kubernetes/admin.conf ] || fail "no /etc/kubernetes/admin.conf on this node" \
    "make it (kubeadm init phase kubeconfig admin) or plan with a first control-plane node that has it"
upgrade "$2" "$3" apply "$1" --yes
say "kubeadm upgrade apply $1 succeeded"
