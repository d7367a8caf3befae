#!/bin/sh
# Bring this node to the cluster's configuration: static pods on a control plane, kubelet configuration on every node.
# Further arguments may be apiserver-grace=SECONDS and nudge-kubelet=yes.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubeadm.sh"

argument PATCHES "$1" 'none|standard'
ignored_argument "$2"
patches=$1 ignored=$2
shift 2
further_arguments "$@"

upgrade "$patches" "$ignored" node
say "kubeadm upgrade node succeeded"
