#!/bin/sh
# What a person needs after a step has failed here. Logs and states only: no kubeconfig, no environment, no manifest.

components='etcd|kube-apiserver|kube-controller-manager|kube-scheduler'

section() {
    printf '## %s\n' "$1"
}

# A command that is missing or fails says so in its section and ends no other.
try() {
    timeout 5 "$@" </dev/null 2>&1 || echo "($1 exited $?)"
}

# Of every container that is not running, what it said last.
logs_of_the_dead() {
    crictl ps --all --output json </dev/null 2>/dev/null | tr -d ' \n' | sed 's/},{"id"/},\n{"id"/g' |
        grep -E "\"name\":\"($components)\"" | grep -v CONTAINER_RUNNING | grep -o '"id":"[0-9a-f]*"' | cut -d '"' -f 4 |
        head -n 8 | while read -r id; do
        section "log of container $id"
        try crictl logs --tail 20 "$id"
    done
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
    try crictl ps --all | grep -E "^CONTAINER|$components"
    logs_of_the_dead
else
    echo "(there is no crictl here)"
    try tail -n 20 /var/log/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log
fi
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
