#!/bin/sh
# The kubelet's unit on this node.

state=$(kubelet_state) || exit 1
restarts=$(kubelet_restarts) || exit 1
healthz=$(kubelet_healthz)
if [ "$state" = active ]; then
    echo "active yes"
else
    echo "active no"
fi
echo "restarts ${restarts:-0}"
echo "healthz $healthz"
if ! kubelet_looks_well; then
    kubelet_log | sed 's/^/log /'
fi
