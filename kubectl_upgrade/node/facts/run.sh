#!/bin/sh
# What this tool left on this node: the fence and the records of its units.

place=/var/lib/upgrade-cp
if [ -e $place/fence ]; then
    printf 'fence '
    head -n 1 $place/fence || exit 1
fi
for record in "$place"/units/*/; do
    [ -e "$record/start" ] || continue
    unit=$(basename "$record")
    # a unit writes its exit before it ends: asked in this order, one that ends meanwhile is never called interrupted
    active=$(systemctl is-active "$unit.service" </dev/null)
    case $active in
        inactive | failed) state=interrupted ;;
        '' | unknown) echo "systemd does not say whether $unit runs" >&2 && exit 1 ;;
        *) state=running ;;
    esac
    if [ -e "$record/exit" ]; then
        echo "unit $unit exited $(head -n 1 "$record/exit")"
    else
        echo "unit $unit $state -"
    fi
done
