# The API server that kubeadm replaces goes sooner. When it is told to stop it closes its port and gives requests time to
# end; watches do not end, so that the kubelet kills it after the Pod's 30 s. A second SIGTERM ends it at once
# (k8s.io/apiserver, pkg/server/signal.go); whoever watches connects anew, as after the kill. Sourced.

# Print the pids of the API servers that listen on a port, once each; fail when that cannot be told.
listening() {
    sockets=$(ss -Hltnp "sport = :$1" 2>/dev/null) || return 1
    printf '%s\n' "$sockets" | sed -n 's/.*("kube-apiserver",pid=\([0-9]*\),.*/\1/p' | sort -u
}

# Print when a process began, in ticks since the boot: a pid may come again, both together do not.
begin_of() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# Remember this node's own API server in port, old and begin; 1, and a word, when it has to be left alone.
find_apiserver() {
    manifest=/etc/kubernetes/manifests/kube-apiserver.yaml
    port=$(sed -n 's/^ *- --secure-port=\([0-9]\{1,5\}\)$/\1/p' "$manifest" 2>/dev/null)
    if [ -z "$port" ]; then
        why="its manifest names no port"
    elif ! old=$(listening "$port") || [ -z "$old" ] || [ "$(printf '%s\n' "$old" | wc -l)" -ne 1 ]; then
        why="which process listens on its port $port cannot be told"
    elif tr '\0' '\n' <"/proc/$old/cmdline" | grep -q -e '^--shutdown-watch-termination-grace-period'; then
        why="its flags give watches time to end"
    elif grep -E '^ *terminationGracePeriodSeconds:' "$manifest" | grep -qv ': *30$'; then
        why="its manifest gives it time of its own"
    else
        begin=$(begin_of "$old")
        [ -z "$begin" ] || return 0
        why="it has ended"
    fi
    say "the old API server gets all of its grace: $why"
    return 1
}

# shorten_grace SECONDS: end it so long after it has closed its port. Runs until it is gone.
shorten_grace() {
    closed=0
    while sleep 1; do
        [ "$(begin_of "$old")" = "$begin" ] || return 0
        if ! now=$(listening "$port") || printf '%s\n' "$now" | grep -qx "$old"; then
            closed=0
        else
            closed=$((closed + 1))
        fi
        if [ "$closed" -ge "$1" ]; then
            say "the old API server closed its port and has had $1 s to answer what it was asked: it is told to end"
            kill -TERM "$old"
            return 0
        fi
    done
}
