#!/bin/sh
# Which of the tags TAG… (3.5.32-0) of etcd's image REPOSITORY (registry.k8s.io/etcd) this node can get: those in the
# runtime's store, and those that the registry has, asked where the runtime would pull from. Nothing is pulled.

answer_seconds=4
# a fact is killed after 30 s
last_second=12

refuse() {
    echo "$1" >&2
    exit 1
}

uptime_seconds() {
    cut -d . -f 1 /proc/uptime
}

# Whole words of one line each.
fits() {
    case $1 in *[!A-Za-z0-9._:/-]*) return 1 ;; esac
    printf '%s' "$1" | grep -Exq -e "$2"
}

repository=${1:-}
fits "$repository" '[a-z0-9][a-z0-9.-]{0,200}(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]{0,200})+' || refuse "this is no image repository: $repository"
[ "$#" -gt 1 ] || refuse "no tag was asked for"
shift
begun=$(uptime_seconds)
find_runtime
take_runtimes_proxies
for tag; do
    fits "$tag" '3\.[0-9]{1,3}\.[0-9]{1,3}-[0-9]{1,3}' || refuse "this is no tag of etcd's: $tag"
    if has_image "$repository:$tag"; then
        echo "here $tag"
    elif [ $(($(uptime_seconds) - begun)) -gt "$last_second" ]; then
        echo "refused $tag the registry answers too slowly"
    elif registry_has "$repository" "$tag" "$answer_seconds"; then
        echo "offered $tag"
    else
        echo "refused $tag ${said:-nobody was asked}"
    fi
done
