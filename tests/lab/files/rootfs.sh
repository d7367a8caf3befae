# Finishes a node's root file system; run inside it. Nothing here differs from node to node.
set -eu
systemctl enable ssh containerd
systemctl disable systemd-networkd systemd-networkd.socket systemd-networkd-wait-online 2>/dev/null || true
systemctl mask systemd-logind getty.target console-getty.service systemd-timesyncd apt-daily.timer apt-daily-upgrade.timer
useradd --create-home --shell /bin/bash ops
echo 'ops ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/ops
mkdir -p /root/.ssh /home/ops/.ssh /etc/containerd/certs.d/registry.k8s.io /etc/cni/net.d /etc/apt/keyrings /var/log/journal /var/lib/lab
chmod 700 /root/.ssh /home/ops/.ssh
chown ops:ops /home/ops/.ssh
# kubeadm's documented prerequisite
echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/k8s.conf
# A container without CAP_SYS_RESOURCE may not lower oom scores; this gate lets the kubelet do without.
echo 'KUBELET_EXTRA_ARGS=--feature-gates=KubeletInUserNamespace=true' > /etc/default/kubelet
# The only package source of a node is the lab's own; an empty machine-id is filled for each node.
: > /etc/apt/sources.list
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_*
apt-get clean
