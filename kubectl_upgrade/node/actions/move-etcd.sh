#!/bin/sh
# Bring this node's etcd member to TAG (3.5.32-0), which kubeadm's ClusterConfiguration names by now: by kubeadm of the
# cluster's present VERSION (v1.33.9), with its own backup, checks and way back. It writes the other manifests anew as well
# where they are not what it renders: that they are was asked when the plan was made, and here their versions alone are.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubeadm.sh"

argument VERSION "$1" "v$version_pattern"
argument TAG "$2" '3\.[0-9]{1,3}\.[0-9]{1,3}-[0-9]{1,3}'
argument PATCHES "$3" 'none|standard'
version=$1 tag=$2 patches=$3
further_arguments

# The tag in a component's manifest.
tag_of() {
    sed -n 's/^ *image: *"\{0,1\}[^"]*:\([^":]*\)"\{0,1\} *$/\1/p' "/etc/kubernetes/manifests/$1.yaml" 2>/dev/null | head -n 1
}

# at_least TAG: is etcd's manifest there, or further?
at_least() {
    found=$(tag_of etcd)
    [ -n "$found" ] && [ "$(printf '%s\n%s\n' "$1" "$found" | sort -V | head -n 1)" = "$1" ]
}

said=$(kubeadm version -o short 2>&1 </dev/null)
[ "$said" = "$version" ] || fail "kubeadm on this node is $said, not $version" \
    "install kubeadm ${version#v} on this node, then apply again"
# kubeadm would replace these as well
for component in kube-apiserver kube-controller-manager kube-scheduler; do
    found=$(tag_of "$component")
    [ "$found" = "$version" ] || fail "the manifest of $component names ${found:-no image}, not $version" \
        "bring this node's control plane to $version, then apply again"
done
upgrade "$patches" none node phase control-plane --certificate-renewal=false
at_least "$tag" || fail "kubeadm has left etcd at ${found:-no image}" \
    "see whether etcd.local.imageTag is still $tag: kubectl -n kube-system get cm kubeadm-config -o yaml"
say "etcd is at $found"
