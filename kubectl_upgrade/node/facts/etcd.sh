#!/bin/sh
# The etcd member on this node, asked with the running member's own etcdctl.

refuse() {
    echo "$1" >&2
    exit 1
}

why=
find_member || refuse "$why"

ask() {
    etcdctl 10 --command-timeout 8s "$@" -w json
}

status=$(ask endpoint status) || refuse "etcdctl endpoint status: $status"
members=$(ask member list) || refuse "etcdctl member list: $members"
alarms=$(ask alarm list) || refuse "etcdctl alarm list: $alarms"
# the flag wins over the environment, both are those that the member was started with
# shellcheck disable=SC2154 # find_member sets it
quota=$(tr '\0' '\n' <"$member/cmdline" | sed -n 's/^--*quota-backend-bytes=//p' | tail -n 1)
if [ -z "$quota" ]; then
    quota=$(tr '\0' '\n' <"$member/environ" | sed -n 's/^ETCD_QUOTA_BACKEND_BYTES=//p')
fi
[ -z "$quota" ] || echo "quota $quota"
printf 'status %s\nmembers %s\nalarms %s\n' "$status" "$members" "$alarms"
