#!/bin/sh
# What of this machine an upgrade leans on: its clock, room on disk, swap, the package manager's order and its locks,
# units that have failed, what older runs left. Few processes: a plan asks hundreds of nodes.

# when this shell began, in ticks since the boot: what another process began at is compared with it
ticks_of() {
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    # the name in brackets may hold anything
    # shellcheck disable=SC2086 # a list of words
    set -- ${line##*) }
    echo "${20}"
}

# age_of PID: seconds; 100 ticks a second is what the kernel promises to programs
age_of() {
    began=$(ticks_of "$1") && echo "$(((now - began) / 100))"
}

# The deepest folder on the way to it that is there.
there() {
    place=$1
    while [ ! -d "$place" ]; do
        place=${place%/*}
        place=${place:-/}
    done
}

# FOLDER…: room FOLDER KIB MOUNT
rooms() {
    wanted=$*
    places=
    for folder in $wanted; do
        there "$folder"
        places="$places $place"
    done
    # shellcheck disable=SC2086 # a list of words
    timeout 10 df -Pk $places </dev/null | {
        read -r _
        for folder in $wanted; do
            read -r _ _ _ free _ mount && echo "room $folder $free $mount"
        done
    }
}

# `root`, a top-level key of its configuration; what stands in brackets has keys of its own
containerd_root() {
    root=$(sed -n '/^[[:space:]]*\[/q; s#^[[:space:]]*root[[:space:]]*=[[:space:]]*["'\'']\(/[A-Za-z0-9._/-]*\)["'\''].*#\1#p' \
        /etc/containerd/config.toml 2>/dev/null)
    echo "${root:-/var/lib/containerd}"
}

image_folder() {
    case $(runtime_endpoint) in
        *crio*) echo /var/lib/containers ;;
        *dockerd*) echo /var/lib/docker ;;
        *) containerd_root ;;
    esac
}

# swap DEVICE, and what of this node's own files says that the kubelet may start in spite of it
swaps() {
    [ -r /proc/swaps ] || return 0
    {
        read -r _
        while read -r device _; do echo "swap $device"; done
    } </proc/swaps | grep . || return 0
    setting='^failSwapOn: *false'
    ! grep -qs "$setting" /var/lib/kubelet/config.yaml || echo "swap-allowed config"
    ! grep -Eqs 'failSwapOn"?: *false' /etc/kubernetes/patches/kubeletconfiguration* || echo "swap-allowed patch"
}

# Flags of the kubelet that runs, as they are now.
kubelet_flags() {
    tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | sed -n '
        s/^--hostname-override=/flag hostname-override /p
        s/^--fail-swap-on=/flag fail-swap-on /p
        /^--hostname-override$/ { n; s/^/flag hostname-override /p; }'
}

# failed UNIT, and how the kubelet is that runs
units() {
    shown=$(timeout 10 systemctl show --property=Id,ActiveState,MainPID kubelet.service containerd.service \
        crio.service docker.service cri-docker.service apt-daily.service apt-daily-upgrade.service \
        unattended-upgrades.service packagekit.service </dev/null 2>/dev/null)
    while IFS='=' read -r key value; do
        case $key in
            Id) unit=$value ;;
            ActiveState) state=$value ;;
            MainPID) pid=$value ;;
            '') unit_seen ;;
        esac
    done <<END
$shown

END
}

unit_seen() {
    [ "$state" != failed ] || echo "failed $unit"
    if [ "$unit" = kubelet.service ] && [ "${pid:-0}" -gt 0 ]; then
        age=$(age_of "$pid") && echo "kubelet-seconds $age"
        kubelet_flags "$pid"
    fi
    unit='' state='' pid=''
}

# lock FILE PID SECONDS PROGRAM, for each lock of apt or dpkg that a process holds
locks() {
    files=$(stat -c '%i %n' /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock \
        /var/cache/apt/archives/lock 2>/dev/null)
    while read -r _ kind _ mode holder where _; do
        [ "$kind $mode" = "POSIX WRITE" ] || continue
        while read -r inode file; do
            [ "$inode" != "${where##*:}" ] || lock_seen
        done <<END
$files
END
    done </proc/locks
}

# another file system may have a file of that number: the holder has this one open, or it is another lock
lock_seen() {
    find "/proc/$holder/fd" -lname "$file" 2>/dev/null | grep -q . || return 0
    read -r program <"/proc/$holder/comm" && age=$(age_of "$holder") && echo "lock $file $holder $age $program"
}

# dpkg yes or no; broken PACKAGE STATE. Pending triggers are none: the next transaction runs them.
packages() {
    command -v dpkg-query >/dev/null || { echo "dpkg no" && return; }
    echo "dpkg yes"
    dpkg-query -W -f '${db:Status-Eflag} ${db:Status-Status} ${Package}\n' </dev/null |
        sed -En '/^ok (installed|config-files|not-installed|triggers-pending|triggers-awaited) /!s/^[^ ]+ ([^ ]+) (.*)/broken \2 \1/p'
    for journal in /var/lib/dpkg/updates/[0-9]*; do
        [ ! -e "$journal" ] || { echo "broken dpkg's-journal unfinished" && return; }
    done
}

# kept RUN, with the word `holds` when packages of this node were never put on hold again
kept() {
    for folder in /var/lib/upgrade-cp/keep-*/; do
        [ -d "$folder" ] || continue
        folder=${folder%/}
        holds=
        [ ! -s "$folder/holds" ] || holds=' holds'
        echo "kept ${folder##*/keep-}$holds"
    done
}

now=$(ticks_of $$) || exit 1
time=$(date +%s.%N) || exit 1
echo "clock $time"
rooms /var/lib/upgrade-cp /usr "$(image_folder)" /etc/kubernetes /var/backups
swaps
units
# before the packages are looked at: who holds a lock may be in the middle of what only looks broken
[ ! -r /proc/locks ] || locks
packages
kept
exit 0
