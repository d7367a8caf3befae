"""The lab: real kubeadm clusters on one machine, for the end-to-end tests and for hands."""
