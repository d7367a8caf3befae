# Take the leadership of etcd off this node before something stops its member without much notice: what other members are
# writing through a leader that dies waits for 5 s and fails; while one hands over it only waits. Sourced after
# etcd-member.sh.

# Print the ID of another member that may lead: started, no learner, and it answers.
_other_member() {
    etcdctl 10 --command-timeout 5s member list -w simple |
        awk -F ', ' -v own="$url" '$2 == "started" && $NF == "false" && index($5, own) != 1 { print $1, $5 }' |
        while read -r id address; do
            url=${address%%,*}
            etcdctl 5 --command-timeout 3s endpoint status >/dev/null && echo "$id" && break
        done
}

# Nobody is kept waiting: where that is not possible the cluster elects a leader when this one is gone. In a shell of its
# own: what finds the member has names that its callers use as well.
hand_over_leadership() (
    find_member || exit 0
    status=$(etcdctl 10 --command-timeout 5s endpoint status -w json) || exit 0
    leader=$(number leader "$status")
    if [ -z "$leader" ] || [ "$leader" != "$(number member_id "$status")" ]; then
        exit 0
    fi
    other=$(_other_member)
    [ -n "$other" ] || exit 0
    if said=$(etcdctl 15 --command-timeout 10s move-leader "$other"); then
        say "etcd is led by the member $other now: this one will be replaced"
    else
        say "etcd's leader stays on this node: $(printf '%s' "$said" | tr '\n' ' ' | cut -c 1-300)"
    fi
)
