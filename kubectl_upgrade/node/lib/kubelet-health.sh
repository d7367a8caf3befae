# How the kubelet on this node is. Its healthz endpoint stands in its configuration, 127.0.0.1:10248 by default.

kubelet_setting() {
    sed -n "s/^$1: *[\"']\{0,1\}\([^\"' ]*\).*/\1/p" /var/lib/kubelet/config.yaml 2>/dev/null | head -n 1
}

# Print ok, or what came instead.
kubelet_healthz() {
    address=$(kubelet_setting healthzBindAddress)
    port=$(kubelet_setting healthzPort)
    case ${address:=127.0.0.1} in *:*) address="[$address]" ;; esac
    if [ "${port:=10248}" = 0 ]; then
        echo "turned off by healthzPort: 0 in /var/lib/kubelet/config.yaml"
    else
        curl -q --silent --show-error --noproxy '*' --max-time 5 "http://$address:$port/healthz" 2>&1 </dev/null |
            tr '\n' ' ' | cut -c 1-300 | sed 's/ *$//'
    fi
}

# Print systemd's word for the unit: active, activating, failed …
kubelet_state() {
    systemctl show kubelet --property=ActiveState --value </dev/null
}

kubelet_restarts() {
    systemctl show kubelet --property=NRestarts --value </dev/null
}

# The last 20 lines of its journal.
kubelet_log() {
    timeout 10 journalctl --unit=kubelet --lines=20 --output=cat --no-pager </dev/null 2>&1 | cut -c 1-500
}
