"""What `plan` costs on a real cluster, beside kubectl and kubeadm."""
