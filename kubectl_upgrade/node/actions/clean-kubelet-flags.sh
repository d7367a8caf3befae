#!/bin/sh
# Take FLAG… (pod-infra-container-image) out of what kubeadm wrote down for this node's kubelet, as the kubeadm of a minor
# that this node skips would have done. The file as it was stays in the run's folder. The kubelet that runs is left alone.

lib=${0%/*}/../lib
. "$lib/action.sh"
. "$lib/kubeadm-flags.sh"

[ "$#" -gt 0 ] || fail "no flag is named" "plan again"
for flag; do
    argument FLAG "$flag" 'pod-infra-container-image'
done

for flag; do
    if ! has_flag "$flag"; then
        say "$flags_file has no --$flag"
        continue
    fi
    [ -e "$kept_flags" ] || keep kubeadm-flags.env <"$flags_file" || exit 1
    # read whole before anything is written
    rest=$(without_flag "$flag") && [ -n "$rest" ] || fail "cannot read $flags_file" "look at that file, then apply again"
    printf '%s\n' "$rest" | write_flags
    ! has_flag "$flag" || fail "--$flag is still in $flags_file, which is not as kubeadm writes it" \
        "take the flag out of that file by hand, then apply again"
    say "$flags_file has no --$flag any more; as it was: $kept_flags"
done
