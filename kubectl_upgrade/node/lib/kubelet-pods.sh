# The static pods that the kubelet of this node runs, in its own words. Sourced after kubelet-health.sh, and sent with it in
# front of the fact `components`.

# Print the kubelet's pods as it lists them, then the HTTP code on a line of its own. It is asked with the API server's
# credentials; on this very machine there is no other kubelet to meet.
kubelet_pods() {
    pki=/etc/kubernetes/pki
    port=$(kubelet_setting port)
    address=$(kubelet_setting address)
    case $address in
        '' | 0.0.0.0 | ::) address=127.0.0.1 ;;
        *:*) address="[$address]" ;;
    esac
    curl -q --silent --show-error --insecure --noproxy '*' --connect-timeout 3 --max-time 8 --write-out '\n%{http_code}' \
        --cert $pki/apiserver-kubelet-client.crt --key $pki/apiserver-kubelet-client.key \
        "https://$address:${port:-10250}/pods" 2>&1 </dev/null
}

# Of such a list the static pods, one line of JSON each. A quote within a text of somebody's pod has a backslash before it.
static_pods_of() {
    sed 's/{"metadata":{"name":/\n&/g' | grep '^{"metadata":{"name":' | grep '"kubernetes.io/config.source":"file"'
}
