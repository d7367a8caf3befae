#!/bin/sh
# The manifests of kubeadm's static pods on this node, and what the kubeadm that is installed here would write in their place
# now, of kubeadm-config and this node's patches. Its dry run writes into a memory that dies with the processes which use it,
# whatever ends them, and finds /etc/kubernetes read-only.

manifests=/etc/kubernetes/manifests
patches=/etc/kubernetes/patches
# of a manifest; kubeadm's own have 4000
most_bytes=20000

refuse() {
    echo "$1" >&2
    exit 1
}

# The text of the ConfigMap kubeadm-config: of JSON with one key in each line.
cluster_configuration() {
    asked=$server/api/v1/namespaces/kube-system/configmaps/kubeadm-config
    answer=$(ask_apiserver "$asked?pretty=true" 8)
    [ "$(printf '%s\n' "$answer" | tail -n 1)" = 200 ] || refuse "$asked answered $(printf '%s\n' "$answer" | tail -n 1)"
    printf '%s\n' "$answer" | sed -n 's/^ *"ClusterConfiguration": "\(.*\)",\{0,1\}$/\1/p' | head -n 1 | awk '
        {
            while (match($0, /\\./)) {
                printf "%s", substr($0, 1, RSTART - 1)
                escaped = substr($0, RSTART + 1, 1)
                $0 = substr($0, RSTART + 2)
                if (escaped == "u") {
                    if ($0 !~ /^00[2-7]/) exit 1
                    high = index("01234567", substr($0, 3, 1)) - 1
                    low = index("0123456789abcdef", tolower(substr($0, 4, 1))) - 1
                    escaped = sprintf("%c", 16 * high + low)
                    $0 = substr($0, 5)
                }
                printf "%s", escaped == "n" ? "\n" : escaped == "t" ? "\t" : escaped
            }
            print
        }
    '
}

# Where this node's API server is found: kubeadm reads it off the same annotation.
endpoint_of() {
    sed -n 's/^ *kubeadm\.kubernetes\.io\/kube-apiserver\.advertise-address\.endpoint: *//p' "$1" | head -n 1 | tr -d "\"'"
}

# Of etcd's member, which kubeadm calls like the node; the other manifests do not hold it.
node_name() {
    found=$(sed -n "s/^ *- [\"']\{0,1\}--name=\([a-z0-9.-]*\).*/\1/p" "$manifests/etcd.yaml" 2>/dev/null | head -n 1)
    printf '%s' "${found:-node}"
}

# kubeadm gives the components the proxies of its environment, which is that of a unit while it upgrades. A value that
# systemd writes for a shell ($'10.0.0.0/8,*.local') is not read.
proxies() {
    printf '%s\n' "$environment" | grep -iE '^[a-z_]*_proxy=([^ $][^ ]*)?$'
}

unread_proxies() {
    printf '%s\n' "$environment" | grep -i '^[a-z_]*_proxy=' | grep -ivE '^[a-z_]*_proxy=([^ $][^ ]*)?$' | sed 's/=.*//; s/^/unread /'
}

init_configuration() {
    echo "apiVersion: kubeadm.k8s.io/v1beta4"
    echo "kind: InitConfiguration"
    echo "nodeRegistration: {name: '$(node_name)'}"
    echo "localAPIEndpoint: {advertiseAddress: '$address', bindPort: $port}"
    [ ! -d "$patches" ] || echo "patches: {directory: $patches}"
    echo ---
}

# render PHASE…: `rendered COMPONENT BASE64` for each manifest that it writes.
render() {
    # shellcheck disable=SC2016,SC2046 # it is the shell inside that sees its variables; a list of words
    { init_configuration && printf '%s\n' "$configuration"; } | unshare --mount /bin/sh -c '
        mount -t tmpfs -o mode=700 tmpfs /tmp && mount -o bind,ro /etc/kubernetes /etc/kubernetes || exit
        cat >/tmp/configuration
        if ! timeout -k 1 12 "$@" --dry-run --config /tmp/configuration >/tmp/said 2>&1 </dev/null; then
            grep -v "To see the stack trace" /tmp/said | tail -n 3 >&2
            exit 1
        fi
        for file in /tmp/rendered/*.yaml; do
            [ -f "$file" ] || { echo "it has written no manifest" >&2; exit 1; }
            name=${file##*/}
            printf "rendered %s %s\n" "${name%.yaml}" "$(base64 -w 0 "$file")"
        done
    ' sh env -i "PATH=$PATH" KUBEADM_INIT_DRYRUN_DIR=/tmp/rendered $(proxies) kubeadm init phase "$@"
}

# Why there is nothing to compare with, though nothing is wrong.
hindrance() {
    # it writes them elsewhere, and 1.30 does not know v1beta4
    case $kubeadm in v1.[0-9].* | v1.[12][0-9].* | v1.3[01].*)
        echo "kubeadm before v1.32 does not say what it would write"
        return
        ;;
    esac
    folder=$(printf '%s\n' "$configuration" | sed -n "s/^certificatesDir: *[\"']\{0,1\}\([^\"' ]*\).*/\1/p" | head -n 1)
    folder=${folder:-/etc/kubernetes/pki}
    # ValidateKubeconfigsForExternalCA wants a super-admin.conf, which joined control planes never had
    [ ! -f "$folder/ca.crt" ] || [ -f "$folder/ca.key" ] || echo "kubeadm's dry run wants the key of the cluster's CA"
}

# What there is. It is printed last: no manifest shall stand beside a reason why it could not be compared.
said() {
    echo "kubeadm $kubeadm"
    echo "cluster $cluster"
    for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
        file=$manifests/$component.yaml
        [ -f "$file" ] || continue
        [ "$(wc -c <"$file")" -le "$most_bytes" ] || refuse "$file has more than $most_bytes bytes"
        echo "manifest $component $(base64 -w 0 "$file")"
    done
}

server=$(own_apiserver) || exit 1
configuration=$(cluster_configuration) || refuse "the ConfigMap kubeadm-config could not be read"
cluster=$(printf '%s\n' "$configuration" | sed -n "s/^kubernetesVersion: *[\"']\{0,1\}\(v[0-9A-Za-z.+-]*\).*/\1/p" | head -n 1)
[ -n "$cluster" ] || refuse "no kubernetesVersion can be read in the ConfigMap kubeadm-config"
kubeadm=$(timeout 10 kubeadm version -o short </dev/null) || refuse "kubeadm does not say its version"
said=$(said) || exit 1
hindrance=$(hindrance)
if [ -n "$hindrance" ]; then
    printf '%s\n' "$said" "skipped $hindrance"
    exit 0
fi
# another kubeadm writes others: nothing could be learnt of that
if [ "$kubeadm" != "$cluster" ]; then
    printf '%s\n' "$said"
    exit 0
fi
if printf '%s\n' "$configuration" | grep -q 'RootlessControlPlane: *true'; then
    refuse "kubeadm's dry run leaves out what its feature gate RootlessControlPlane adds"
fi
endpoint=$(endpoint_of "$manifests/kube-apiserver.yaml")
port=${endpoint##*:}
address=$(printf '%s' "${endpoint%:*}" | tr -d '[]')
case $port in '' | *[!0-9]*) refuse "no endpoint is annotated in $manifests/kube-apiserver.yaml" ;; esac
case $address in '' | *[!0-9a-f.:]*) refuse "the endpoint annotated in $manifests/kube-apiserver.yaml is $endpoint" ;; esac
environment=$(timeout 3 systemctl show-environment 2>/dev/null </dev/null)
rendered=$(render control-plane all) || refuse "kubeadm $kubeadm cannot render the manifests of this node"
etcd=
if [ -f "$manifests/etcd.yaml" ]; then
    etcd=$(render etcd local) || refuse "kubeadm $kubeadm cannot render etcd's manifest"
fi
printf '%s\n' "$said" "$rendered" "$etcd"
unread_proxies
