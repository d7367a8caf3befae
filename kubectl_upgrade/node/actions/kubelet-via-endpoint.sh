#!/bin/sh
# Let this node's kubelet talk to the cluster's endpoint, HOST PORT, while kubeadm replaces this node's etcd and API server:
# a kubelet without an API server keeps kubeadm waiting. Where that is not possible nothing changes: it is only slower.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/endpoint.sh"
. "$lib/kubelet-health.sh"
. "$lib/kubelet-server.sh"

argument HOST "$1" '[A-Za-z0-9][A-Za-z0-9.:-]{0,252}'
argument PORT "$2" '[1-9][0-9]{0,4}'

leave() {
    say "$1: kubelet.conf stays as it is, kubeadm takes a minute or two longer"
    exit 0
}

case $1 in *:*) endpoint="https://[$1]:$2" ;; *) endpoint=https://$1:$2 ;; esac

server=$(server_of "$conf")
[ -n "$server" ] || leave "$conf has no line \`server:\` of the usual form"
if [ ! -e "$kept" ]; then
    [ "$server" != "$endpoint" ] || leave "the kubelet talks to $endpoint already"
    own_address "$1"
    case $? in
        0) leave "$1 is an address of this very node" ;;
        1) ;;
        *) leave "nobody can tell whether $1 is an address of this very node" ;;
    esac
    said=$(ready_at "$endpoint")
    [ "$said" = ok ] || leave "$endpoint does not answer ready from here ($said)"
    printf '%s\n%s\n' "$server" "$endpoint" | keep kubelet-server || exit 1
fi
[ "$server" = "$endpoint" ] || write_server "$endpoint"
say "restarting the kubelet with $endpoint in the place of $(sed -n 1p "$kept")"
if ! restart_kubelet; then
    kubelet_log
    said="$state, $restarts restarts, healthz: $healthz"
    write_back
    restart_kubelet && forget
    fail "the kubelet did not get healthy with $endpoint: $said" \
        "read its last lines above and put the cause right, then apply again; or plan with --no-kubelet-via-endpoint"
fi
say "the kubelet talks to $endpoint until kubeadm is done here"
