#!/bin/sh
# Bring this node to the cluster's configuration: static pods on a control plane, kubelet configuration on every node.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubeadm.sh"

argument PATCHES "$1" 'none|standard'
ignored_argument "$2"

upgrade "$1" "$2" node
say "kubeadm upgrade node succeeded"
