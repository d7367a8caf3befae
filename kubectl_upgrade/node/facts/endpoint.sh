#!/bin/sh
# Which API server this node's kubelet talks to, and how the cluster's endpoint looks from here.

server() {
    if ! server_of "$1" | grep .; then
        echo "no $1 with one server in it on this node" >&2
        exit 1
    fi
}

kubelet=$(server /etc/kubernetes/kubelet.conf) || exit 1
# kubeadm writes the controlPlaneEndpoint there, and the local address into all others of its files
endpoint=$(server /etc/kubernetes/admin.conf) || exit 1
host=${endpoint#https://}
host=${host%:*}
host=${host#[}
own_address "${host%]}"
case $? in
    0) own=yes ;;
    1) own=no ;;
    *) echo "nobody can tell whether $endpoint is on this node: no ip, or no address of that name" >&2 && exit 1 ;;
esac
echo "kubelet ${kubelet#https://}"
echo "endpoint ${endpoint#https://}"
echo "own $own"
echo "readyz $(ready_at "$endpoint")"
