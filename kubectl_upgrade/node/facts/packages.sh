#!/bin/sh
# Packages of Kubernetes on this node, and where they come from.

known() {
    # dpkg-query fails for names it never heard of, and prints the others
    dpkg-query -W -f '${db:Status-Want} ${db:Status-Status} ${Package} ${Version}\n' \
        kubeadm kubelet kubectl cri-tools kubernetes-cni 2>/dev/null
}

if ! command -v dpkg-query >/dev/null || ! known | grep -Eq '^[a-z]+ installed (kubeadm|kubelet) '; then
    echo "family unknown"
    echo "repository none"
    exit 0
fi
sources=$(kubernetes_sources) || exit 1
sources=$(printf '%s\n' "$sources" | cut -d ' ' -f 1,3 | sort -u)
if [ "$(printf '%s\n' "$sources" | wc -l)" -gt 1 ]; then
    echo "several apt sources serve Kubernetes, keep one of them: $(printf '%s' "$sources" | tr '\n' ' ')" >&2
    exit 1
fi
line=${sources##* }
echo "family apt"
echo "repository ${line:-none}"
known | while read -r want status package version; do
    if [ "$want" = hold ]; then
        echo "held $package"
    fi
    if [ "$status" = installed ]; then
        echo "installed $package $version"
    fi
done
