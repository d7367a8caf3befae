# How a unit of ours is, from its record, from systemd and from the boot it was started in. Sourced by helper.sh, and sent
# in front of the fact `run`.

# RECORD UNIT → absent, running, exited N or interrupted; returns 69 when systemd does not say.
unit_state() {
    if [ ! -e "$1/start" ]; then
        echo absent
        return
    fi
    # what was started in an earlier boot does not run, whatever bears its name by now
    if [ ! -e "$1/exit" ] && grep -qxF "boot-id $(cat /proc/sys/kernel/random/boot_id)" "$1/start"; then
        # is-active exits 3 for a unit that has ended
        active=$(systemctl is-active "$2.service" </dev/null)
        case $active in
            inactive | failed) ;;
            '' | unknown)
                echo "systemd does not say whether $2 runs" >&2
                return 69
                ;;
            *)
                echo running
                return
                ;;
        esac
    fi
    # looked at last: it may have ended while systemd was asked
    if [ -e "$1/exit" ]; then
        echo "exited $(head -n 1 "$1/exit" | tr -d ' ')"
    else
        echo interrupted
    fi
}
