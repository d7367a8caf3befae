# A static pod whose manifest changed has another uid, and starts when its predecessor is gone; a kubelet looks for that 10
# to 15 s after it has seen the change and then again and again as long after (pkg/kubelet/pod_workers.go, backOffPeriod).
# It looks at once when its mirror in the API changes. Sourced after kubelet-health.sh, kubelet-pods.sh and endpoint.sh.

# Names of static pods of the control plane that have not begun to start.
waiting_static_pods() {
    kubelet_pods | static_pods_of | grep -v '"containerStatuses":' | sed 's/^{"metadata":{"name":"\([^"]*\)".*/\1/'
}

# change_mirror SERVER POD: give it an annotation that it did not have. It goes with the mirror, which the kubelet replaces
# next; one that came too late stays on the new mirror and means nothing.
change_mirror() {
    pki=/etc/kubernetes/pki
    curl -q --silent --noproxy '*' --connect-timeout 2 --max-time 4 --output /dev/null --request PATCH \
        --cacert $pki/ca.crt --cert $pki/apiserver-kubelet-client.crt --key $pki/apiserver-kubelet-client.key \
        --header 'Content-Type: application/merge-patch+json' \
        --data "{\"metadata\":{\"annotations\":{\"upgrade-cp/nudged\":\"$(cut -d ' ' -f 1 /proc/uptime)\"}}}" \
        "$1/api/v1/namespaces/kube-system/pods/$2" </dev/null
}

# Until it is killed; nothing depends on it.
nudge_kubelet() {
    while sleep 1; do
        server=$(server_of /etc/kubernetes/kubelet.conf) || continue
        for pod in $(waiting_static_pods); do
            change_mirror "$server" "$pod"
        done
    done
}
