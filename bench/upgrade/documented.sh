#!/bin/sh
# The procedure of kubernetes.io, one node after the other, run on the operator's machine:
#   documented.sh SSH_CONFIG VERSION "CONTROL-PLANES" "WORKERS"     (VERSION such as v1.35.4; names separated by spaces)
# kubectl is the one on the PATH, with $KUBECONFIG. After each kubeadm a line says `kubeadm-ran NODE SECONDS`.
set -eu

ssh_config=$1
version=$2
control_planes=$3
workers=$4

# on NODE WORD…: run the script on stdin as root on the node; the words are its arguments.
on() {
    node=$1
    shift
    # shellcheck disable=SC2029 # the words are meant for the node's shell, and none has a blank in it
    ssh -F "$ssh_config" -o BatchMode=yes -o ServerAliveInterval=15 "$node" sudo sh -eus -- "$@"
}

# The API drops a request now and then while its servers restart: a person would type the command again.
again() {
    tries=1
    until "$@"; do
        [ "$tries" -lt 10 ] || return 1
        tries=$((tries + 1))
        echo "again: $*"
        sleep 1
    done
}

# kubeadm_on NODE COMMAND…: switch the repository, install kubeadm and run `kubeadm upgrade COMMAND`.
kubeadm_on() {
    node=$1
    shift
    echo "--- $node: kubeadm upgrade $*"
    on "$node" "${version#v}" "$@" <<'END'
export DEBIAN_FRONTEND=noninteractive
wanted=$1
shift
sed -i "s|/core:/stable:/v[0-9.]*/|/core:/stable:/v${wanted%.*}/|" /etc/apt/sources.list.d/kubernetes.list
apt-mark unhold kubeadm
apt-get update
apt-get install -y "kubeadm=$wanted-*" </dev/null
apt-mark hold kubeadm
began=$(date +%s%N)
# the lab's machine has cgroup v1
kubeadm upgrade "$@" --ignore-preflight-errors=SystemVerification </dev/null
took=$((($(date +%s%N) - began) / 1000000))
printf 'kubeadm-ran %s %d.%03d\n' "$(hostname)" "$((took / 1000))" "$((took % 1000))"
END
}

# kubelet_on NODE: drain, install kubelet and kubectl, restart, uncordon.
kubelet_on() {
    echo "--- $1: kubelet"
    again kubectl drain "$1" --ignore-daemonsets --delete-emptydir-data --timeout=900s
    on "$1" "${version#v}" <<'END'
export DEBIAN_FRONTEND=noninteractive
apt-mark unhold kubelet kubectl
apt-get update
apt-get install -y "kubelet=$1-*" "kubectl=$1-*" </dev/null
apt-mark hold kubelet kubectl
systemctl daemon-reload
systemctl restart kubelet
END
    again kubectl uncordon "$1"
}

command="apply $version --yes"
for node in $control_planes; do
    # shellcheck disable=SC2086 # the command is several words
    kubeadm_on "$node" $command
    kubelet_on "$node"
    command=node
done
for node in $workers; do
    kubeadm_on "$node" node
    kubelet_on "$node"
done
