# A static pod whose manifest changed has another uid, and starts when its predecessor is gone; a kubelet looks for that 10
# to 15 s after it has seen the change and then again and again as long after (pkg/kubelet/pod_workers.go, backOffPeriod).
# It looks at once when its mirror in the API changes. Sourced after kubelet-health.sh, kubelet-pods.sh and endpoint.sh.

# Names of static pods of the control plane that have not begun to start.
waiting_static_pods() {
    kubelet_pods | static_pods_of | grep -v '"containerStatuses":' | sed 's/^{"metadata":{"name":"\([^"]*\)".*/\1/'
}

# change_mirror SERVER POD VALUE: of an annotation, JSON.
change_mirror() {
    pki=/etc/kubernetes/pki
    curl -q --silent --noproxy '*' --connect-timeout 2 --max-time 4 --output /dev/null --request PATCH \
        --cacert $pki/ca.crt --cert $pki/apiserver-kubelet-client.crt --key $pki/apiserver-kubelet-client.key \
        --header 'Content-Type: application/merge-patch+json' \
        --data "{\"metadata\":{\"annotations\":{\"upgrade-cp/nudged\":$3}}}" \
        "$1/api/v1/namespaces/kube-system/pods/$2" </dev/null
}

# Until it is killed; nothing depends on it. An annotation goes with its mirror, which the kubelet replaces next.
nudge_kubelet() {
    while sleep 1; do
        server=$(server_of /etc/kubernetes/kubelet.conf) || continue
        for pod in $(waiting_static_pods); do
            grep -Fxqs "$pod" "$UPGRADE_CP_KEEP/nudged" || echo "$pod" >>"$UPGRADE_CP_KEEP/nudged"
            change_mirror "$server" "$pod" "\"$(cut -d ' ' -f 1 /proc/uptime)\""
        done
    done
}

# One that came too late stands on the new mirror.
take_nudges_back() {
    [ -e "$UPGRADE_CP_KEEP/nudged" ] && server=$(server_of /etc/kubernetes/kubelet.conf) || return 0
    while read -r pod; do
        change_mirror "$server" "$pod" null
    done <"$UPGRADE_CP_KEEP/nudged"
    rm -f "$UPGRADE_CP_KEEP/nudged"
}
