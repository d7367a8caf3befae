# How the kubelet on this node is. Its healthz endpoint stands in its configuration, 127.0.0.1:10248 by default.

kubelet_setting() {
    sed -n "s/^$1: *[\"']\{0,1\}\([^\"' ]*\).*/\1/p" /var/lib/kubelet/config.yaml 2>/dev/null | head -n 1
}

# Print ok, off where the configuration turns it off, or what came instead.
kubelet_healthz() {
    address=$(kubelet_setting healthzBindAddress)
    port=$(kubelet_setting healthzPort)
    case ${address:=127.0.0.1} in *:*) address="[$address]" ;; esac
    if [ "${port:=10248}" = 0 ]; then
        echo off
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

# Is what was read into state, healthz and restarts that of a kubelet that runs, as it did when `last` was read, if ever?
kubelet_looks_well() {
    case $healthz in ok | off) ;; *) return 1 ;; esac
    [ "$state" = active ] && [ "$restarts" = "${last:-$restarts}" ]
}

seconds_since_boot() {
    cut -d . -f 1 /proc/uptime
}

# kubelet_stays_up GOOD: is it active, healthy, and not restarted by systemd since the last look, GOOD times in a row with
# half a second between? Where healthz is off it has to be up for longer than kubeadm's unit waits before a restart, 10 s.
# A node full of pods may take minutes; a kubelet that systemd has restarted four times will not get well. Leaves the last
# look in state, restarts and healthz.
kubelet_stays_up() {
    good=0
    wanted=$1
    restarts=
    first=
    end=$(($(seconds_since_boot) + 180))
    while [ "$good" -lt "$wanted" ]; do
        [ "$(seconds_since_boot)" -lt "$end" ] || return 1
        sleep 0.5
        last=$restarts
        state=$(kubelet_state)
        restarts=$(kubelet_restarts)
        healthz=$(kubelet_healthz)
        first=${first:-$restarts}
        [ "$healthz" != off ] || wanted=30
        [ "$((restarts - first))" -lt 4 ] || return 1
        if kubelet_looks_well; then
            good=$((good + 1))
        else
            good=0
        fi
    done
}
