#!/bin/sh
# What this tool left on this node: the fence, the records of its units, the manifests as its kubeadm left them, and the
# packages that it has put back.

place=/var/lib/upgrade-cp
if [ -e $place/fence ]; then
    held=$(head -n 1 $place/fence) || exit 1
    echo "fence $held"
    kept=$place/keep-${held%% *}
    [ ! -e "$kept/manifests" ] || sed 's/^/manifest /' "$kept/manifests" || exit 1
    [ ! -e "$kept/stepped-back" ] || sed 's/^/stepped-back /' "$kept/stepped-back" || exit 1
fi
for record in "$place"/units/*/; do
    record=${record%/}
    [ -e "$record/start" ] || continue
    unit=${record##*/}
    state=$(unit_state "$record" "$unit") || exit 1
    case $state in exited*) ;; *) state="$state -" ;; esac
    started=$(sed -n 's/^started //p' "$record/start")
    echo "unit $unit $state ${started:-0} $(sed -n 's/^action //p' "$record/start")"
done
