#!/bin/sh
# Before the upgrade to VERSION (v1.35.4), save on this node's own disk what brings its control plane back: a snapshot of
# etcd from this node's member, and /etc/kubernetes. It stays there when the run is over.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/etcd-member.sh"

# everything written here holds Secrets
umask 077
backups=/var/backups/upgrade-cp
status=
margin=$((64 * 1024 * 1024))

# What this run has saved before, if it is as it was: the sums are in there.
is_saved() {
    [ -e "$place/SHA256SUMS" ] && (cd "$place" && sha256sum --check --strict --quiet SHA256SUMS)
}

tell_sums() {
    sed 's/^/sha256 /' "$place/SHA256SUMS"
    say "$place holds every Secret of the cluster; it stays until somebody removes it"
}

# Set status. After a reboot etcd is up a minute or so later than we are.
await_member() {
    looks=0
    until find_member && why="etcdctl endpoint status:" &&
        status=$(etcdctl 10 --command-timeout 8s endpoint status -w json); do
        looks=$((looks + 1))
        [ "$looks" -le 100 ] || fail "$why $status" \
            "see whether etcd runs and is healthy on this node (crictl ps --all, crictl logs), then apply again"
        [ "$looks" -gt 1 ] || say "waiting for etcd: $why $status"
        sleep 3
    done
}

# Nobody but root may ever look into it, also in between.
make_folder() {
    if ! { (umask 022 && mkdir -p "${backups%/*}") && mkdir -p "$backups"; }; then
        fail "cannot make $backups" "see whether its disk is full or read-only on this node, then apply again"
    fi
    [ "$(stat -c '%u %a' "$backups")" = "0 700" ] ||
        fail "$backups must belong to root and be closed to others (0700)" "set that right, then apply again"
    rm -rf "$new"
    # a failure takes no room with it; what a reboot leaves behind, the next attempt removes
    trap 'rm -rf "$new"' EXIT
    mkdir "$new" || fail "cannot make $new" "see what stands in its way, then apply again"
}

tell_older() {
    older=$(find "$backups" -mindepth 1 -maxdepth 1 ! -path "$place" ! -path "$new" -print)
    [ -z "$older" ] || say "older backups in $backups occupy $(
        find "$backups" -mindepth 1 -maxdepth 1 ! -path "$place" ! -path "$new" -exec du -sk {} + |
            awk '{ sum += $1 } END { printf "%d MiB", (sum + 1023) / 1024 }'
    ); remove those that nobody needs any more"
}

# Twice the database: kubeadm copies etcd's data on this node as well before it touches it.
check_room() {
    size=$(number dbSize "$1")
    [ -n "$size" ] || fail "etcd did not say how large it is: $1" "see whether etcd is healthy, then apply again"
    needed=$((2 * size + margin + $(du -sk --exclude=/etc/kubernetes/tmp /etc/kubernetes | cut -f 1) * 1024))
    free=$(df --output=avail --block-size=1 "$backups" | tail -n 1)
    [ "$free" -ge "$needed" ] || fail "a backup needs $((needed / 1048576)) MiB in $backups, $((free / 1048576)) are free" \
        "remove older backups or make room there on this node, then apply again"
}

save_snapshot() {
    before=$(number revision "$1")
    # no limit of etcdctl's own: it notices a member that dies, and a large database takes its time
    said=$(etcdctl 3000 snapshot save "$new/etcd.db") || fail "etcdctl snapshot save: $said" \
        "see whether etcd is healthy on this node (crictl ps, crictl logs), then apply again"
    judge=$member/root/usr/local/bin/etcdutl
    [ -x "$judge" ] || fail "etcd's image has no etcdutl, so that nobody can say whether the snapshot is whole" \
        "take a backup by hand and remove this step from the plan"
    found=$(timeout 1800 "$judge" snapshot status "$new/etcd.db" -w json </dev/null 2>&1) ||
        fail "etcdutl snapshot status: $found" "apply again: a new snapshot is taken"
    saved=$(number revision "$found")
    keys=$(number totalKey "$found")
    if [ "${saved:-0}" -lt "${before:-1}" ] || [ "${keys:-0}" -eq 0 ]; then
        fail "the snapshot is not etcd's (revision $before before it): $found" "apply again: a new snapshot is taken"
    fi
    say "snapshot of etcd: hash $(number hash "$found"), revision $saved, $keys keys, $(stat -c %s "$new/etcd.db") bytes"
}

# Beside /etc/kubernetes what kubeadm changes of the kubelet's; not what kubeadm itself keeps in tmp, which may be large.
save_files() {
    set -- etc/kubernetes
    for file in config.yaml instance-config.yaml kubeadm-flags.env pki; do
        [ ! -e "/var/lib/kubelet/$file" ] || set -- "$@" "var/lib/kubelet/$file"
    done
    tar --create --file "$new/kubernetes.tar" --directory / --numeric-owner --exclude=etc/kubernetes/tmp "$@" ||
        fail "tar of $*" "read its words above, then apply again"
    # a link to another disk is saved as a link
    for file in manifests/etcd.yaml pki/ca.crt; do
        tar --list --file "$new/kubernetes.tar" "etc/kubernetes/$file" >/dev/null 2>&1 ||
            fail "etc/kubernetes/$file is not in the backup: it, or a folder on the way, is a link" \
                "put /etc/kubernetes where it belongs on this node, or take backup-etcd out of the plan"
    done
}

# Whole and on disk, or not there at all. With the program that restores the snapshot: when etcd is down, its image may be
# gone and the registry out of reach.
put_in_place() {
    if ! { (cd "$new" && cp "$judge" etcdutl && sha256sum etcd.db kubernetes.tar etcdutl >SHA256SUMS &&
        chmod 600 ./* && chmod 700 etcdutl && sync ./* .) &&
        rm -rf "$place" && mv -T "$new" "$place" && sync "$backups"; }; then
        fail "cannot write $place" "make room on the disk of this node, then apply again"
    fi
}

argument VERSION "$1" "v$version_pattern"
run=${UPGRADE_CP_KEEP##*/keep-}
argument RUN "$run" '[0-9a-f]{4,32}'
place=$backups/$(printf '%.8s' "$run")-$1
new=$place.partial

if is_saved; then
    say "saved and verified already: $place"
    tell_sums
    exit 0
fi
[ -e "$manifest" ] || fail "no $manifest on this node" "leave this node out of the step, or find out who removed its etcd"
await_member
make_folder
tell_older
check_room "$status"
save_snapshot "$status"
save_files
put_in_place
say "saved: $place"
tell_sums
