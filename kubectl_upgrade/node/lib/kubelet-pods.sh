# The static pods that the kubelet of this node runs, in its own words. Sourced after kubelet-health.sh, and sent with it in
# front of the fact `components`.

# reachable ADDRESS: how to reach on this node what listens there, for a URL; nothing is everywhere.
reachable() {
    case $1 in
        '' | 0.0.0.0 | ::) echo 127.0.0.1 ;;
        *:*) echo "[$1]" ;;
        *) echo "$1" ;;
    esac
}

# Print the kubelet's pods as it lists them, then the HTTP code on a line of its own. It is asked with the API server's
# credentials; on this very machine there is no other kubelet to meet.
kubelet_pods() {
    pki=/etc/kubernetes/pki
    port=$(kubelet_setting port)
    curl -q --silent --show-error --insecure --noproxy '*' --connect-timeout 3 --max-time 8 --write-out '\n%{http_code}' \
        --cert $pki/apiserver-kubelet-client.crt --key $pki/apiserver-kubelet-client.key \
        "https://$(reachable "$(kubelet_setting address)"):${port:-10250}/pods" 2>&1 </dev/null
}

# Of such a list the static pods of the control plane, one line of JSON each. Their uids are hashes that the kubelet made;
# those of pods from the API have dashes, whatever their labels and annotations say, and a quote within a text has a
# backslash before it.
static_pods_of() {
    sed 's/{"metadata":{"name":/\n&/g' |
        grep '^{"metadata":{"name":"[a-z0-9.-]\{1,253\}","namespace":"kube-system","uid":"[0-9a-f]\{32\}",' |
        grep '"tier":"control-plane"'
}
