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
printf 'status %s\nmembers %s\nalarms %s\n' "$status" "$members" "$alarms"
