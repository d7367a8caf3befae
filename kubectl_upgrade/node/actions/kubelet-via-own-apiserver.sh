#!/bin/sh
# Let this node's kubelet talk to the API server again that it talked to before kubelet-via-endpoint.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/endpoint.sh"
. "$lib/kubelet-health.sh"
. "$lib/kubelet-server.sh"

if [ ! -e "$kept" ]; then
    say "nothing to put back: this run did not change which server the kubelet talks to"
    exit 0
fi
write_back
server=$(server_of "$conf")
said=$(ready_at "$server")
[ "$said" = ok ] || say "$server is not ready yet ($said); the kubelet waits for it"
# whatever the file says: the kubelet that runs has read it before kubeadm
say "restarting the kubelet"
if ! restart_kubelet; then
    kubelet_log
    fail "the kubelet did not get healthy: $state, $restarts restarts, healthz: $healthz" \
        "read its last lines above and put the cause right on this node, then apply again"
fi
forget
say "the kubelet talks to $server"
