# Put the kubelet back that ran before, from the package that apt-fetch-packages has kept. Sourced after action.sh.

. "$lib/apt.sh"
. "$lib/apt-world.sh"

# Sets `old` to its revision; 1 when none is kept. The next apply finds the note and installs the new kubelet again.
step_back() {
    old=$(cat "$UPGRADE_CP_KEEP/kubelet-before" 2>/dev/null)
    file=$own_world/archives/kubelet_${old}_$(dpkg --print-architecture).deb
    if [ -z "$old" ] || [ ! -e "$file" ] || ! dpkg --compare-versions "$old" lt "$(installed kubelet)"; then
        return 1
    fi
    say "going back to kubelet $old"
    record_holds
    echo kubelet | keep stepped-back || exit 1
    world=$own_world
    install_only --allow-downgrades "$file"
    # now, and not at the end: whoever sees a kubelet fail may reboot the node
    put_holds_back
}

# An attempt that died in between has left the record of holds.
[ ! -e "$UPGRADE_CP_KEEP/holds" ] || put_holds_back
