#!/bin/sh
# Certificates of kubeadm and of the kubelet on this node: the first one of each file, as the base64 of its DER form. Nothing
# of a key is printed. openssl may be missing here, and kubeadm says nothing of the kubelet's.

# the first certificate of a PEM text on stdin, whole; kubelet-client-current.pem has a key in it, too
first() {
    awk '
        { sub(/\r$/, "") }
        /-----BEGIN CERTIFICATE-----/ { inside = 1; next }
        inside && /^-----END CERTIFICATE-----/ { print found; exit }
        inside && /^-----/ { exit }
        inside { found = found $0 }
    '
}

# NAME AUTHORITY BASE64
certificate() {
    if [ -z "$3" ]; then
        echo "no certificate can be read in the file of $1" >&2
        exit 1
    fi
    echo "certificate $1 $2 $3"
}

# FILE: the certificate that is written into a kubeconfig; empty when there is none
embedded() {
    sed -n 's/^ *client-certificate-data: *//p' "$1" | head -n 1 | base64 -d 2>/dev/null | first
}

echo "now $(date +%s)"
# certificatesDir in ClusterConfiguration may be another
manifest=/etc/kubernetes/manifests/kube-apiserver.yaml
if [ -e "$manifest" ]; then
    pki=$(sed -n "s/^ *- [\"']\{0,1\}--tls-cert-file=\(.*\)\/[^/]*$/\1/p" "$manifest" | head -n 1)
    if [ ! -e "$pki/apiserver.crt" ]; then
        echo "no apiserver.crt beside --tls-cert-file in $manifest" >&2
        exit 1
    fi
    for name in ca front-proxy-ca etcd/ca; do
        [ -e "$pki/$name.crt" ] || continue
        key=no
        [ ! -e "$pki/$name.key" ] || key=yes
        found=$(first <"$pki/$name.crt")
        if [ -z "$found" ]; then
            echo "no certificate can be read in $pki/$name.crt" >&2
            exit 1
        fi
        echo "authority $name $key $found"
    done
    # what kubeadm renews, and by which authority (cmd/kubeadm/app/phases/certs/certlist.go)
    for pair in apiserver:ca apiserver-kubelet-client:ca front-proxy-client:front-proxy-ca apiserver-etcd-client:etcd/ca \
        etcd/server:etcd/ca etcd/peer:etcd/ca etcd/healthcheck-client:etcd/ca; do
        file=$pki/${pair%:*}.crt
        [ ! -e "$file" ] || certificate "${pair%:*}" "${pair#*:}" "$(first <"$file")"
    done
    for name in admin super-admin controller-manager scheduler; do
        file=/etc/kubernetes/$name.conf
        # a person may have put the path of a file there
        [ ! -e "$file" ] || ! grep -q 'client-certificate-data:' "$file" || certificate "$name.conf" ca "$(embedded "$file")"
    done
fi
kubelet=/var/lib/kubelet/pki/kubelet-client-current.pem
[ ! -e "$kubelet" ] || certificate kubelet - "$(first <"$kubelet")"
