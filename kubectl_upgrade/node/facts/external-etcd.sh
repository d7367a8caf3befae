#!/bin/sh
# Health and version of each etcd that this node's API server is told to use, asked with that API server's certificates.

manifest=/etc/kubernetes/manifests/kube-apiserver.yaml

flag() {
    sed -n "s/^ *- --$1=//p" "$manifest" | head -n 1
}

refuse() {
    echo "$1" >&2
    exit 1
}

[ -e "$manifest" ] || refuse "no $manifest on this node"
servers=$(flag etcd-servers)
[ -n "$servers" ] || refuse "no --etcd-servers in $manifest"
authority=$(flag etcd-cafile)
certificate=$(flag etcd-certfile)
key=$(flag etcd-keyfile)
if [ -z "$authority" ] || [ -z "$certificate" ] || [ -z "$key" ]; then
    refuse "no --etcd-cafile, --etcd-certfile or --etcd-keyfile in $manifest"
fi

get() {
    curl -q --silent --show-error --noproxy '*' --connect-timeout 3 --max-time 5 \
        --cacert "$authority" --cert "$certificate" --key "$key" "$1" 2>&1 </dev/null | tr '\n' ' ' | cut -c 1-300
}

printf '%s\n' "$servers" | tr ',' '\n' | while read -r url; do
    health=$(get "$url/health")
    echo "endpoint $url"
    echo "health $health"
    echo "version $(get "$url/version")"
done
