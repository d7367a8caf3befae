# The API server that kubeadm replaces goes sooner. When it is told to stop it closes its port, answers what it was asked,
# and then waits for watches that do not end, until the kubelet kills it after the Pod's 30 s. A second SIGTERM ends it at
# once (k8s.io/apiserver, pkg/server/signal.go); whoever watches connects anew, as after the kill. Sourced.

manifest=/etc/kubernetes/manifests/kube-apiserver.yaml

# Print the pid of the API server that listens on this node's port; nothing where that cannot be told.
listening_apiserver() {
    port=$(sed -n 's/^ *- --secure-port=\([0-9]\{1,5\}\)$/\1/p' "$manifest" 2>/dev/null)
    ss -Hltnp "sport = :${port:-6443}" 2>/dev/null |
        sed -n 's/.*("kube-apiserver",pid=\([0-9]*\),.*/\1/p' | head -n 1
}

# Print when a process began, in ticks since the boot: a pid may come again, both together do not.
begin_of() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# Remember the API server that runs now; 1 when there is none, or somebody gives its watches time to end.
find_apiserver() {
    ! grep -q -e '--shutdown-watch-termination-grace-period' "$manifest" 2>/dev/null || return 1
    old=$(listening_apiserver)
    [ -n "$old" ] && begin=$(begin_of "$old")
}

# shorten_grace SECONDS: end it so long after it has closed its port. Runs until it is gone.
shorten_grace() {
    closed=0
    while sleep 1; do
        [ "$(begin_of "$old")" = "$begin" ] || return 0
        if [ "$(listening_apiserver)" = "$old" ]; then
            closed=0
        else
            closed=$((closed + 1))
        fi
        if [ "$closed" -ge "$1" ]; then
            say "the old API server closed its port $1 s ago and has answered what it was asked: it is told to end"
            kill -TERM "$old"
            return 0
        fi
    done
}
