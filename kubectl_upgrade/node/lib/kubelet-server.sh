# Which API server the kubelet of this node talks to. Sourced after action.sh, endpoint.sh and kubelet-health.sh.
# What the run's folder keeps in `kubelet-server`: the server that the file named before, and the one that we wrote.

conf=/etc/kubernetes/kubelet.conf
kept=$UPGRADE_CP_KEEP/kubelet-server

# write_server URL: a new file takes the old one's place, owner and mode; nothing but the address changes.
write_server() {
    real=$(readlink -f "$conf")
    new=$real.upgrade-cp
    if ! { cp -p "$real" "$new" && OLD=$(server_of "$conf") NEW=$1 awk '
        /^ *(- )?server:/ && (at = index($0, ENVIRON["OLD"])) {
            $0 = substr($0, 1, at - 1) ENVIRON["NEW"] substr($0, at + length(ENVIRON["OLD"]))
        }
        { print }
    ' "$real" >"$new" && sync "$new" && mv "$new" "$real" && sync "${real%/*}"; }; then
        rm -f "$new"
        fail "cannot rewrite $real" "make room on the disk of this node, then apply again"
    fi
}

# Put back what stood in kubelet.conf, unless it is not ours any more: kubeadm itself writes the local address there.
write_back() {
    before=$(sed -n 1p "$kept")
    ours=$(sed -n 2p "$kept")
    now=$(server_of "$conf")
    if [ "$now" = "$ours" ] && [ -n "$before" ]; then
        write_server "$before"
        say "kubelet.conf names $before again"
    else
        say "kubelet.conf names ${now:-something else} by now, which stays"
    fi
}

forget() {
    rm -f "$kept" && sync "$UPGRADE_CP_KEEP"
}

restart_kubelet() {
    systemctl restart kubelet && kubelet_stays_up 2
}
