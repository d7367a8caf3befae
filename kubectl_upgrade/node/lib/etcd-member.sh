# The etcd member on this node, and how to ask it with its own etcdctl. Sourced by the action backup-etcd, and sent in front
# of the fact `etcd`.

manifest=/etc/kubernetes/manifests/etcd.yaml
pki=/etc/kubernetes/pki/etcd

_advertises() {
    tr '\0' '\n' <"$1/cmdline" 2>/dev/null | grep -Fq -- "--advertise-client-urls=$url"
}

# Set member (/proc/PID) and url; or why, and return 1. Other etcds may run on the node (a network plugin's, a nested
# cluster's): the manifest's is the one with its address.
find_member() {
    member=
    why="no $manifest on this node"
    [ -e "$manifest" ] || return 1
    url=$(sed -n 's/^ *- --advertise-client-urls=\([^,]*\).*/\1/p' "$manifest" | head -n 1)
    why="no --advertise-client-urls in $manifest"
    [ -n "$url" ] || return 1
    for comm in /proc/[0-9]*/comm; do
        { read -r name <"$comm"; } 2>/dev/null || continue
        process=${comm%/comm}
        if [ "$name" = etcd ] && _advertises "$process"; then
            why="two etcd processes advertise $url"
            [ -z "$member" ] || return 1
            member=$process
        fi
    done
    # shellcheck disable=SC2034 # for the caller
    why="etcd is not running: no process advertises $url"
    [ -n "$member" ]
}

# SECONDS WORDS…: the member's own etcdctl, at this member
etcdctl() {
    limit=$1
    shift
    timeout "$limit" "$member/root/usr/local/bin/etcdctl" --endpoints "$url" --dial-timeout 3s \
        --cacert $pki/ca.crt --cert $pki/healthcheck-client.crt --key $pki/healthcheck-client.key "$@" </dev/null 2>&1
}

# number KEY TEXT: the number that stands there in JSON
number() {
    printf '%s' "$2" | sed -n "s/.*\"$1\":\([0-9][0-9]*\).*/\1/p" | head -n 1
}
