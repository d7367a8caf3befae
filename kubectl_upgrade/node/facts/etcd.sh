#!/bin/sh
# The etcd member on this node, asked with the running member's own etcdctl.

manifest=/etc/kubernetes/manifests/etcd.yaml
pki=/etc/kubernetes/pki/etcd

refuse() {
    echo "$1" >&2
    exit 1
}

[ -e "$manifest" ] || refuse "no $manifest on this node"
url=$(sed -n 's/^ *- --advertise-client-urls=\([^,]*\).*/\1/p' "$manifest" | head -n 1)
[ -n "$url" ] || refuse "no --advertise-client-urls in $manifest"

# Other etcds may run on the node (a network plugin's, a nested cluster's): the manifest's is the one with its address.
member=
advertises() {
    tr '\0' '\n' <"$1/cmdline" 2>/dev/null | grep -Fq -- "--advertise-client-urls=$url"
}
for comm in /proc/[0-9]*/comm; do
    { read -r name <"$comm"; } 2>/dev/null || continue
    process=${comm%/comm}
    if [ "$name" = etcd ] && advertises "$process"; then
        [ -z "$member" ] || refuse "two etcd processes advertise $url"
        member=$process
    fi
done
[ -n "$member" ] || refuse "etcd is not running: no process advertises $url"

ask() {
    timeout 10 "$member/root/usr/local/bin/etcdctl" --endpoints "$url" --dial-timeout 3s --command-timeout 8s \
        --cacert $pki/ca.crt --cert $pki/healthcheck-client.crt --key $pki/healthcheck-client.key \
        "$@" -w json </dev/null 2>&1
}

status=$(ask endpoint status) || refuse "etcdctl endpoint status: $status"
members=$(ask member list) || refuse "etcdctl member list: $members"
alarms=$(ask alarm list) || refuse "etcdctl alarm list: $alarms"
printf 'status %s\nmembers %s\nalarms %s\n' "$status" "$members" "$alarms"
