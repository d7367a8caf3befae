# Which source of apt serves Kubernetes. apt itself is asked what it would fetch, so that both formats of source files,
# comments and disabled entries count as they do for apt. Needs no lock and no network.

# One line for each address in use that is split by minor: FILE, the address up to the minor, v1.N.
kubernetes_sources() {
    addresses=
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        grep -qs '/v1\.' "$file" || continue
        served=$(served_by "$file") || return 1
        addresses="$addresses
$served"
    done
    printf '%s\n' "$addresses" | sed '/^$/d' | sort -u
}

# served_by FILE: the same for one file, wherever it lies.
served_by() {
    fetched=$(apt-get update --print-uris -o "Dir::Etc::sourcelist=$1" -o Dir::Etc::sourceparts=- </dev/null) ||
        return 1
    # CRI-O is published under the minors of Kubernetes too
    printf '%s\n' "$fetched" | sed -n "/cri-o/d; s#^'\([^']*/\)\(v1\.[0-9][0-9]*\)/.*#$1 \1 \2#p"
}
