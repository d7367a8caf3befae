#!/bin/sh
# The API server on this node, asked on its own address with the node's credentials.

manifest=/etc/kubernetes/manifests/kube-apiserver.yaml
pki=/etc/kubernetes/pki

flag() {
    sed -n "s/^ *- --$1=//p" "$manifest" | head -n 1
}

if [ ! -e "$manifest" ]; then
    echo "no $manifest on this node" >&2
    exit 1
fi
address=$(flag advertise-address)
port=$(flag secure-port)
case $address in
    '') echo "no --advertise-address in $manifest" >&2 && exit 1 ;;
    *:*) address="[$address]" ;;
esac

# The answer's body, then its HTTP code on a line of its own.
get() {
    curl -q --silent --show-error --noproxy '*' --connect-timeout 3 --max-time 8 --write-out '\n%{http_code}' \
        --cacert $pki/ca.crt --cert $pki/apiserver-kubelet-client.crt --key $pki/apiserver-kubelet-client.key \
        "https://$address:${port:-6443}$1" 2>&1 </dev/null
}

answer=$(get /readyz)
code=$(printf '%s\n' "$answer" | tail -n 1)
# of a long answer only the checks that failed matter; curl prints 000 when nobody answered
body=$(printf '%s\n' "$answer" | sed '$d' | grep -v '^\[+\]' | tr '\n' ' ' | cut -c 1-500 | sed 's/ *$//')
case $code in
    000) code=0 ;;
    [1-5][0-9][0-9]) ;;
    *) echo "curl: $answer" >&2 && exit 1 ;;
esac
echo "readyz $code $body"
if [ "$code" != 0 ]; then
    version=$(get /version | sed -n 's/.*"gitVersion": *"\([^"]*\)".*/version \1/p')
    [ -z "$version" ] || echo "$version"
fi
