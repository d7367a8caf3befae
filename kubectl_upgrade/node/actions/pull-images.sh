#!/bin/sh
# Pull the images of VERSION (v1.35.4) from REPOSITORY before they are needed: with the ROLE control-plane all that this
# kubeadm names, with the ROLE worker kube-proxy and pause. ETCD is the tag that the cluster pins, none, or external.
# Further arguments are what else it pins: etcd-repository=…, dns-repository=…, dns-tag=….

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/container-runtime.sh"

repository='[a-z0-9]([a-z0-9._/:-]{0,198}[a-z0-9])?'
tag='[A-Za-z0-9_][A-Za-z0-9._-]{0,127}'
argument VERSION "$1" "v$version_pattern"
argument REPOSITORY "$2" "$repository"
argument ETCD "$3" "$tag"
argument ROLE "$4" 'control-plane|worker'
version=$1 images_from=$2 etcd_tag=$3 role=$4
shift 4
etcd_fields=''
dns_fields=''
[ "$etcd_tag" = none ] || etcd_fields="imageTag: \"$etcd_tag\""
for pin; do
    value=${pin#*=}
    case $pin in
        etcd-repository=*)
            argument "${pin%%=*}" "$value" "$repository"
            etcd_fields="${etcd_fields:+$etcd_fields, }imageRepository: \"$value\""
            ;;
        dns-repository=*)
            argument "${pin%%=*}" "$value" "$repository"
            dns_fields="${dns_fields:+$dns_fields, }imageRepository: \"$value\""
            ;;
        dns-tag=*)
            argument "${pin%%=*}" "$value" "$tag"
            dns_fields="${dns_fields:+$dns_fields, }imageTag: \"$value\""
            ;;
        *) argument PIN "$pin" 'etcd-repository=.*|dns-repository=.*|dns-tag=.*' ;;
    esac
done

config=$UPGRADE_CP_KEEP/images.yaml
mend="make the registry reachable from this node's container runtime, or the image available, then apply again"

# The kubeadm that was fetched, or is installed already.
find_kubeadm() {
    for kubeadm in "$UPGRADE_CP_KEEP/kubeadm" kubeadm; do
        [ "$("$kubeadm" version -o short 2>/dev/null </dev/null)" != "$1" ] || return 0
    done
    fail "there is no kubeadm $1 on this node" "put fetch-packages before this step, then apply again"
}

# What decides which images kubeadm names; it asks nobody for anything.
configuration() {
    echo "apiVersion: kubeadm.k8s.io/v1beta4"
    echo "kind: InitConfiguration"
    # without it kubeadm looks for sockets, and stops when it finds several
    echo "nodeRegistration: {name: node, criSocket: \"${endpoint:-unix:///run/containerd/containerd.sock}\"}"
    echo "---"
    echo "apiVersion: kubeadm.k8s.io/v1beta4"
    echo "kind: ClusterConfiguration"
    echo "kubernetesVersion: \"$version\""
    echo "imageRepository: \"$images_from\""
    if [ "$etcd_tag" = external ]; then
        echo 'etcd: {external: {endpoints: ["http://127.0.0.1:2379"]}}'
    elif [ -n "$etcd_fields" ]; then
        echo "etcd: {local: {$etcd_fields}}"
    fi
    [ -z "$dns_fields" ] || echo "dns: {$dns_fields}"
}

# By kubeadm, which asks the runtime as the kubelet does: with the runtime's own mirrors, proxies and credentials.
pull_all() {
    said=$UPGRADE_CP_KEEP/pull.out
    timeout 1500 "$kubeadm" config images pull --config "$config" >"$said" 2>&1 </dev/null
}

find_kubeadm "$version"
find_runtime
configuration | keep images.yaml || exit 1
images=$("$kubeadm" config images list --config "$config" 2>&1 </dev/null) || {
    printf '%s\n' "$images" | tail -n 5
    fail "kubeadm $version does not say which images it needs" "read its words above, then apply again"
}
images=$(printf '%s\n' "$images" | grep -Ex '[A-Za-z0-9._/:@-]+')
[ "$role" = control-plane ] || images=$(printf '%s\n' "$images" | grep -E '/(kube-proxy|pause):')

missing=
for image in $images; do
    has_image "$image" || missing="$missing $image"
done
if [ -z "$missing" ]; then
    say "all images of $version are here"
    exit 0
fi
if [ "$role" = worker ] && [ "$client" = none ]; then
    say "neither crictl nor ctr can pull here: the kubelet pulls$missing when they are needed"
    exit 0
fi
say "pulling$missing"
if [ "$role" = worker ]; then
    for image in $missing; do
        pull "$image" && continue
        # a client of its own may lack the proxy or the credentials that the runtime has
        tail -n 3 "$said"
        say "$client cannot pull $image: trying through the runtime itself, all images of $version"
        pull_all && break
        tail -n 10 "$said"
        fail "pulling $image" "$mend"
    done
elif ! pull_all; then
    tail -n 10 "$said"
    fail "pulling the images of $version from $images_from" "$mend"
fi
say "the images of $version are here"
