# The flags that kubeadm gives this node's kubelet, in one line `KUBELET_KUBEADM_ARGS="--a=b --c=d"`. Sourced after action.sh.

flags_file=/var/lib/kubelet/kubeadm-flags.env
kept_flags=$UPGRADE_CP_KEEP/kubeadm-flags.env

# has_flag FLAG: with a value, without one, or with the value as a word of its own.
has_flag() {
    grep -v '^[[:space:]]*[#;]' "$flags_file" 2>/dev/null | grep -Eq -e "(^|[[:space:]\"'=])--$1([[:space:]\"'=]|\$)"
}

# without_flag FLAG: print the file without the flag and its value; all else stays as it is.
without_flag() {
    sed -e '/^[[:space:]]*[#;]/b' -e "s/\([[:space:]\"'=]\)--$1=[^[:space:]\"']*/\1/g" \
        -e "s/\([[:space:]\"'=]\)--$1[[:space:]]\{1,\}[^-[:space:]\"'][^[:space:]\"']*/\1/g" \
        -e "s/\([[:space:]\"'=]\)--$1\([[:space:]\"']\|\$\)/\1\2/g" \
        -e "s/=\([\"']\)[[:space:]]\{1,\}/=\1/" -e "s/[[:space:]]\{1,\}\([\"']\)\$/\1/" "$flags_file"
}

# What comes in takes the file's place, its owner and its mode.
write_flags() {
    real=$(readlink -f "$flags_file")
    new=$real.upgrade-cp
    if ! { cp -p "$real" "$new" && cat >"$new" && sync "$new" && mv "$new" "$real" && sync "${real%/*}"; }; then
        rm -f "$new"
        fail "cannot rewrite $real" "make room on the disk of this node, then apply again"
    fi
}
