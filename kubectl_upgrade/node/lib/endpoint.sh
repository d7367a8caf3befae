# How a server in a kubeconfig looks from this node. Sourced by actions, and sent in front of the fact `endpoint`.

# Print the server of a kubeconfig: of its one line `server:`, nothing when it has several or writes it in another form.
server_of() {
    [ "$(grep -c "server[\"']\{0,1\} *:" "$1")" = 1 ] || return 1
    sed -n "s|^ *\(- \)\{0,1\}server: *\([\"']\{0,1\}\)\(https://[][A-Za-z0-9.:-]*\)\2 *\(#.*\)\{0,1\}\$|\3|p" "$1"
}

# own_address HOST: is one of its addresses this very machine's? Returns 2 when nobody can tell.
own_address() {
    command -v ip >/dev/null || return 2
    addresses=$(timeout 5 getent ahosts "$1" </dev/null | cut -d ' ' -f 1 | sort -u)
    [ -n "$addresses" ] || return 2
    for address in $addresses; do
        # the kernel knows best: all of 127.0.0.0/8, and addresses that a load balancer keeps on this node
        case $(ip -o route get "$address" 2>/dev/null </dev/null) in "local "*) return 0 ;; esac
    done
    return 1
}

# Print ok when an API server answers ready at https://HOST:PORT, with this node's credentials; else what came instead.
ready_at() {
    pki=/etc/kubernetes/pki
    curl -q --silent --show-error --noproxy '*' --connect-timeout 2 --max-time 4 --fail \
        --cacert $pki/ca.crt --cert $pki/apiserver-kubelet-client.crt --key $pki/apiserver-kubelet-client.key \
        "$1/readyz" 2>&1 </dev/null | tr '\n' ' ' | cut -c 1-300 | sed 's/ *$//'
}
