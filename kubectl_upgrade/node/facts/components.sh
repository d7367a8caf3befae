#!/bin/sh
# The control plane on this node as its own parts see it: health of the controller manager and the scheduler, asked as the
# kubelet's probes ask (on their own address, without credentials, with a certificate that they made for themselves), and
# the static pods that this kubelet runs, asked of the kubelet itself with the API server's credentials. A mirror pod in
# the API may still be an earlier kubelet's word.

health() {
    manifest=/etc/kubernetes/manifests/$1.yaml
    if [ ! -e "$manifest" ]; then
        echo "no $manifest on this node"
        return
    fi
    address=$(sed -n 's/^ *- --bind-address=//p' "$manifest" | head -n 1)
    port=$(sed -n 's/^ *- --secure-port=//p' "$manifest" | head -n 1)
    curl -q --silent --show-error --insecure --noproxy '*' --connect-timeout 3 --max-time 5 \
        "https://$(reachable "$address"):${port:-$2}/healthz" 2>&1 </dev/null | tr '\n' ' ' | cut -c 1-300 | sed 's/ *$//'
}

for component in kube-controller-manager:10257 kube-scheduler:10259; do
    echo "health ${component%:*} $(health "${component%:*}" "${component#*:}")"
done
answer=$(kubelet_pods)
code=$(printf '%s\n' "$answer" | tail -n 1)
pods=$(printf '%s\n' "$answer" | static_pods_of)
if [ "$code" = 200 ] && [ -n "$pods" ]; then
    printf '%s\n' "$pods" | sed 's/^/static-pod /'
    echo "kubelet answers"
elif [ "$code" = 200 ]; then
    echo "kubelet 200 with no static pod of the control plane"
else
    echo "kubelet $code $(printf '%s\n' "$answer" | sed '$d' | tr '\n' ' ' | cut -c 1-300)"
fi
