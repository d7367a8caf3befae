# The API server of this node, asked on its own address with the node's credentials. Sent in front of facts.

# Print its URL by its manifest; return 1 after saying why there is none.
own_apiserver() {
    manifest=/etc/kubernetes/manifests/kube-apiserver.yaml
    if [ ! -e "$manifest" ]; then
        echo "no $manifest on this node" >&2
        return 1
    fi
    address=$(own_apiserver_flag advertise-address)
    port=$(own_apiserver_flag secure-port)
    case $address in
        '') echo "no --advertise-address in $manifest" >&2 && return 1 ;;
        *:*) address="[$address]" ;;
    esac
    echo "https://$address:${port:-6443}"
}

own_apiserver_flag() {
    sed -n "s/^ *- --$1=//p" "$manifest" | head -n 1
}

# ask_apiserver URL SECONDS: print the answer's body, then its HTTP code on a line of its own.
ask_apiserver() {
    pki=/etc/kubernetes/pki
    curl -q --silent --show-error --noproxy '*' --connect-timeout 3 --max-time "$2" --write-out '\n%{http_code}' \
        --cacert $pki/ca.crt --cert $pki/apiserver-kubelet-client.crt --key $pki/apiserver-kubelet-client.key \
        "$1" 2>&1 </dev/null
}
