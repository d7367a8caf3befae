#!/bin/sh
# What a person needs after a step has failed here. Logs and states only: no kubeconfig, no environment, no manifest.

section() {
    printf '## %s\n' "$1"
}

# A command that is missing or fails says so in its section and ends no other.
try() {
    timeout 5 "$@" </dev/null 2>&1 || echo "($1 exited $?)"
}

for record in /var/lib/upgrade-cp/units/*/; do
    [ -e "$record/start" ] || continue
    unit=$(basename "$record")
    section "unit $unit"
    cat "$record/start"
    section "its output"
    tail -n 300 "$record/output" 2>/dev/null
    section "journal of $unit"
    try journalctl --no-pager -n 30 -u "$unit"
done | tail -c 100000
section "containers of the control plane"
if command -v crictl >/dev/null; then
    try crictl ps --all | grep -E "^CONTAINER|etcd|kube-"
else
    echo "(there is no crictl here)"
fi
for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    # the newest is that of the container that runs, or that died last
    log=$(find /var/log/pods -path "*/kube-system_$component-*/$component/*.log" -printf '%T@ %p\n' 2>/dev/null |
        sort -n | tail -n 1 | cut -d ' ' -f 2-)
    [ -n "$log" ] || continue
    section "last lines of $component: $log"
    try tail -n 15 "$log"
done
section "manifests"
try ls -l /etc/kubernetes/manifests
section "kubelet"
try systemctl show kubelet --property=ActiveState,SubState,NRestarts,ExecMainStartTimestamp,Result
try journalctl --no-pager -n 50 -u kubelet
section "packages"
try dpkg --audit
section "disks"
for folder in / /var/lib/etcd /etc/kubernetes /var/lib/kubelet; do
    [ ! -d "$folder" ] || try df -h "$folder"
done
section "memory"
try cat /proc/meminfo | head -n 3
exit 0
