#!/bin/sh
# Restart the kubelet, so that VERSION (v1.35.4) runs, and see it active and healthy. Containers go on running, but those of
# static pods where the minor is another: their pods' uids are, so that the new kubelet replaces them within seconds, with
# a second's notice. One that does not stay up goes back to the package that ran before, if FAMILY (apt) keeps it; the
# action then fails all the same.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubelet-health.sh"
. "$lib/etcd-member.sh"
. "$lib/etcd-leader.sh"

argument VERSION "$1" "v$version_pattern"
argument FAMILY "$2" '[a-z]+'

family=$lib/$2-step-back.sh
if [ -e "$family" ]; then
    # shellcheck source=/dev/null
    . "$family"
fi

restart() {
    systemctl daemon-reload || fail "systemctl daemon-reload" "read systemd's words above, then apply again"
    hand_over_leadership
    say "restarting the kubelet"
    systemctl restart kubelet || fail "systemctl restart kubelet" "read systemd's words above, then apply again"
}

said=$(kubelet --version 2>&1)
[ "$said" = "Kubernetes $1" ] || fail "the kubelet on disk is $said, not $1" \
    "install kubelet ${1#v} on this node, then apply again"
command -v curl >/dev/null || fail "there is no curl on this node to ask the kubelet" "install curl, then apply again"

restart
if kubelet_stays_up 3; then
    say "kubelet $1 is active, its healthz $healthz"
    exit 0
fi
kubelet_log
why="kubelet $1 does not stay up: $state, $restarts restarts, healthz: $healthz"
old=
if [ -e "$family" ]; then
    step_back
else
    false
fi || fail "$why" "read its last lines above and put the cause right on this node, then apply again"

restart
if kubelet_stays_up 3; then
    fail "$why. Kubelet $old, which ran before, is installed again and healthy" \
        "read the new one's last lines above and put the cause right on this node, then apply again: it installs $1 anew"
fi
kubelet_log
fail "$why; nor does $old, which ran before and is installed again: $state, $restarts restarts, healthz: $healthz" \
    "read their last lines above and put the cause right on this node, then apply again"
