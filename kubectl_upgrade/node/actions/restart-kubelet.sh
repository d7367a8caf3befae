#!/bin/sh
# Restart the kubelet, so that VERSION (v1.35.4) runs, and see it active and healthy. Containers go on running.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubelet-health.sh"

argument VERSION "$1" "v$version_pattern"

said=$(kubelet --version 2>&1)
[ "$said" = "Kubernetes $1" ] || fail "the kubelet on disk is $said, not $1" \
    "install kubelet ${1#v} on this node, then apply again"
command -v curl >/dev/null || fail "there is no curl on this node to ask the kubelet" "install curl, then apply again"

systemctl daemon-reload || fail "systemctl daemon-reload" "read systemd's words above, then apply again"
say "restarting the kubelet"
systemctl restart kubelet || fail "systemctl restart kubelet" "read systemd's words above, then apply again"

if ! kubelet_stays_up 3 2; then
    kubelet_log
    fail "kubelet $1 does not stay up: $state, $restarts restarts, healthz: $healthz" \
        "read its last lines above and put the cause right on this node, then apply again"
fi
say "kubelet $1 is active and healthy"
