# Which container runtime the kubelet of this node uses, and what images it has. Sourced.

# Print the address of its socket, as the kubelet is told it; nothing when it is not told.
runtime_endpoint() {
    {
        sed -n 's/.*--container-runtime-endpoint[= ]\([^" ]*\).*/\1/p' /var/lib/kubelet/kubeadm-flags.env
        sed -n 's/^containerRuntimeEndpoint: *["'\'']\{0,1\}\([^"'\'' ]*\).*/\1/p' \
            /var/lib/kubelet/instance-config.yaml /var/lib/kubelet/config.yaml
    } 2>/dev/null | sed '/^$/d; s#^/#unix:///#' | head -n 1
}

# Sets `endpoint`, and `client` to the program that asks this runtime for images and pulls them: crictl, ctr or none.
find_runtime() {
    endpoint=$(runtime_endpoint)
    case $endpoint in *[!A-Za-z0-9._:/-]*) endpoint= ;; esac
    client=none
    if command -v crictl >/dev/null && [ -n "$endpoint" ]; then
        client=crictl
    elif command -v ctr >/dev/null; then
        # cri-dockerd's images are not in containerd's namespace of Kubernetes
        case $endpoint in *containerd*) client=ctr ;; esac
    fi
}

# crictl or ctr, on that socket
runtime() {
    case $client in
        crictl) timeout 900 crictl --runtime-endpoint "$endpoint" --image-endpoint "$endpoint" "$@" </dev/null ;;
        ctr) timeout 900 ctr --address "${endpoint#unix://}" --namespace k8s.io images "$@" </dev/null ;;
    esac
}

# has_image IMAGE: is it there? Unknown is no.
has_image() {
    case $client in
        crictl) runtime inspecti -q "$1" >/dev/null 2>&1 ;;
        ctr) [ "$(runtime ls -q "name==$1" 2>/dev/null)" = "$1" ] ;;
        none) return 1 ;;
    esac
}

# pull IMAGE, with the runtime's own client; what it says lies in `said`.
pull() {
    said=$UPGRADE_CP_KEEP/pull.out
    case $client in
        crictl) runtime pull "$1" ;;
        ctr)
            # ctr knows nothing of the mirrors that the kubelet's pulls go to
            if [ -d /etc/containerd/certs.d ]; then
                runtime pull --hosts-dir /etc/containerd/certs.d "$1"
            else
                runtime pull "$1"
            fi
            ;;
    esac >"$said" 2>&1
}
