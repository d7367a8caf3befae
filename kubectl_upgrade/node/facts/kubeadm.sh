#!/bin/sh
# What kubeadm left on this node, and which binaries lie on its disk.

yes_if() {
    if "$@"; then echo yes; else echo no; fi
}

kubeadm=none
if command -v kubeadm >/dev/null; then
    kubeadm=$(timeout 10 kubeadm version -o short </dev/null) || exit 1
fi
kubelet=none
if command -v kubelet >/dev/null; then
    said=$(timeout 10 kubelet --version </dev/null) || exit 1
    kubelet=${said#Kubernetes }
fi
patches=none
if [ -n "$(ls -A /etc/kubernetes/patches 2>/dev/null)" ]; then
    patches=standard
fi
echo "initialised $(yes_if test -e /etc/kubernetes/kubelet.conf)"
echo "control-plane $(yes_if test -e /etc/kubernetes/manifests/kube-apiserver.yaml)"
echo "kubeadm $kubeadm"
echo "kubelet $kubelet"
echo "patches $patches"
echo "admin-conf $(yes_if test -e /etc/kubernetes/admin.conf)"
