#!/bin/sh
# Pull the images of VERSION (v1.35.4) from REPOSITORY before they are needed: with the ROLE control-plane all that this
# kubeadm names, with the ROLE worker kube-proxy and pause. ETCD is the tag that the cluster pins, none, or external.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/container-runtime.sh"

argument VERSION "$1" "v$version_pattern"
argument REPOSITORY "$2" '[a-z0-9]([a-z0-9._/:-]{0,253}[a-z0-9])?'
argument ETCD "$3" '[A-Za-z0-9_][A-Za-z0-9._-]{0,127}'
argument ROLE "$4" 'control-plane|worker'

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
    echo "kubernetesVersion: \"$1\""
    echo "imageRepository: \"$2\""
    case $3 in
        none) ;;
        external) echo 'etcd: {external: {endpoints: ["http://127.0.0.1:2379"]}}' ;;
        *) echo "etcd: {local: {imageTag: \"$3\"}}" ;;
    esac
}

# By kubeadm, which asks the runtime as the kubelet does: with the runtime's own mirrors, proxies and credentials.
pull_all() {
    said=$UPGRADE_CP_KEEP/pull.out
    timeout 1500 "$kubeadm" config images pull --config "$config" >"$said" 2>&1 </dev/null
}

find_kubeadm "$1"
find_runtime
configuration "$1" "$2" "$3" | keep images.yaml || exit 1
images=$("$kubeadm" config images list --config "$config" 2>&1 </dev/null) || {
    printf '%s\n' "$images" | tail -n 5
    fail "kubeadm $1 does not say which images it needs" "read its words above, then apply again"
}
images=$(printf '%s\n' "$images" | grep -Ex '[A-Za-z0-9._/:@-]+')
[ "$4" = control-plane ] || images=$(printf '%s\n' "$images" | grep -E '/(kube-proxy|pause):')

missing=
for image in $images; do
    has_image "$image" || missing="$missing $image"
done
if [ -z "$missing" ]; then
    say "all images of $1 are here"
    exit 0
fi
if [ "$4" = worker ] && [ "$client" = none ]; then
    say "neither crictl nor ctr can pull here: the kubelet pulls$missing when they are needed"
    exit 0
fi
say "pulling$missing"
if [ "$4" = worker ]; then
    for image in $missing; do
        pull "$image" && continue
        # a client of its own may lack the proxy or the credentials that the runtime has
        tail -n 3 "$said"
        say "$client cannot pull $image: trying through the runtime itself, all images of $1"
        pull_all && break
        tail -n 10 "$said"
        fail "pulling $image" "$mend"
    done
elif ! pull_all; then
    tail -n 10 "$said"
    fail "pulling the images of $1 from $2" "$mend"
fi
say "the images of $1 are here"
