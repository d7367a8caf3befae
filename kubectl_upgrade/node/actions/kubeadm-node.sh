#!/bin/sh
# Bring this node to the cluster's configuration: static pods on a control plane, kubelet configuration on every node.
# A further argument may be apiserver-grace=SECONDS.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubeadm.sh"

argument PATCHES "$1" 'none|standard'
ignored_argument "$2"
patches=$1 ignored=$2
shift 2
grace_argument "$@"

upgrade "$patches" "$ignored" node
say "kubeadm upgrade node succeeded"
