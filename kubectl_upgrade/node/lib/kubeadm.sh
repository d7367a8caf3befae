# Run kubeadm's upgrade and judge it by its exit code alone. Sourced.

. "$lib/apiserver-grace.sh"
. "$lib/endpoint.sh"
. "$lib/etcd-member.sh"
. "$lib/etcd-leader.sh"
. "$lib/kubelet-health.sh"
. "$lib/kubelet-pods.sh"
. "$lib/nudge-kubelet.sh"

# upgrade PATCHES IGNORED COMMAND…: PATCHES none|standard, IGNORED none or names of preflight errors with commas. The
# grace of the old API server is shortened if `grace` is set, and the kubelet is nudged if `nudge` is.
upgrade() {
    patches=$1
    ignored=$2
    shift 2
    if [ "$patches" = standard ]; then
        [ -d /etc/kubernetes/patches ] || fail "no /etc/kubernetes/patches on this node" \
            "put the cluster's kubeadm patches there, or plan again without patches"
        set -- "$@" --patches /etc/kubernetes/patches
    fi
    [ "$ignored" = none ] || set -- "$@" "--ignore-preflight-errors=$ignored"
    say "kubeadm upgrade $*"
    hand_over_leadership
    # what is recorded below is this kubeadm's, or nothing
    rm -f "$UPGRADE_CP_KEEP/manifests"
    helpers=
    if [ -n "$grace" ] && find_apiserver; then
        beside shorten_grace "$grace"
    fi
    [ -z "$nudge" ] || beside nudge_kubelet
    # a KUBECONFIG of somebody's would take the place of kubeadm's own files
    env -u KUBECONFIG kubeadm upgrade "$@" </dev/null
    code=$?
    end_helpers
    take_nudges_back
    if [ "$code" -eq 0 ]; then
        # kubeadm is done and must not run again for want of a record
        keep_manifests >/dev/null ||
            say "cannot write $UPGRADE_CP_KEEP/manifests: changes of manifests on this node go unnoticed in this run"
        return 0
    fi
    printf 'Failed: kubeadm upgrade ended with exit code %s\n' "$code"
    printf 'What to do: read its words above and put the cause right, then apply again: kubeadm goes on from what is\n'
    printf 'done. A static pod that fails is put back by kubeadm itself; its backups lie in /etc/kubernetes/tmp.\n'
    [ ! -e "$UPGRADE_CP_KEEP/kubelet-server" ] ||
        say "Until then this node's kubelet talks to $(sed -n 2p "$UPGRADE_CP_KEEP/kubelet-server"); abort puts that back."
    exit "$code"
}

# Their hashes as kubeadm left them: what a plan cannot know beforehand is compared with these from now on.
keep_manifests() {
    (
        cd /etc/kubernetes/manifests 2>/dev/null || exit 0
        for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
            [ -e "$component.yaml" ] || continue
            hash=$(sha256sum "$component.yaml") || exit 1
            echo "$component sha256:${hash%% *}"
        done
    ) | keep manifests
}

# FUNCTION ARGS…, while kubeadm runs.
beside() {
    "$@" &
    helpers="$helpers $!:$(begin_of "$!")"
}

# Some have ended by now, and their pids may be somebody else's.
end_helpers() {
    for helper in $helpers; do
        begun=${helper#*:}
        if [ -n "$begun" ] && [ "$(begin_of "${helper%:*}")" = "$begun" ]; then
            kill "${helper%:*}"
        fi
    done
}

# further_arguments PIN…: sets `grace` to its seconds and `nudge` to yes; without a pin the kubelet is left alone.
further_arguments() {
    grace=
    nudge=
    for pin; do
        case $pin in
            nudge-kubelet=yes) nudge=yes ;;
            *)
                argument PIN "$pin" 'apiserver-grace=([5-9]|[12][0-9])'
                grace=${pin#*=}
                ;;
        esac
    done
}

# Never `all`: that would hide errors which nobody has accepted.
ignorable='none|[A-Za-z][A-Za-z0-9-]*(,[A-Za-z][A-Za-z0-9-]*)*'
ignored_argument() {
    argument IGNORED "$1" "$ignorable"
    case ",$1," in *,[aA][lL][lL],*) argument IGNORED "$1" none ;; esac
}
