#!/bin/sh
# May the kubelet of this node read the ConfigMap kubelet-config? kubeadm's `upgrade node` will, with these credentials.

conf=/etc/kubernetes/kubelet.conf
if [ ! -e "$conf" ]; then
    echo "no $conf on this node" >&2
    exit 1
fi
server=$(sed -n 's/^ *server: *\(https:[^ ]*\).*/\1/p' "$conf" | head -n 1)
certificate=$(sed -n 's/^ *client-certificate: *\([^ ]*\).*/\1/p' "$conf" | head -n 1)
key=$(sed -n 's/^ *client-key: *\([^ ]*\).*/\1/p' "$conf" | head -n 1)
if [ -z "$server" ] || [ -z "$certificate" ] || [ -z "$key" ]; then
    echo "no server, client-certificate or client-key in $conf" >&2
    exit 1
fi
answer=$(curl -q --silent --show-error --noproxy '*' --connect-timeout 3 --max-time 8 --output /dev/null \
    --write-out '%{http_code}' --cacert /etc/kubernetes/pki/ca.crt --cert "$certificate" --key "$key" \
    "$server/api/v1/namespaces/kube-system/configmaps/kubelet-config" 2>&1 </dev/null) || {
    echo "$server did not answer: $answer" >&2
    exit 1
}
echo "code $answer"
