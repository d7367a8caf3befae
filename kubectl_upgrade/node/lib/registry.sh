# Ask a registry for an image as this node's containerd would, with curl: nothing is pulled. Sent in front of facts.

# Proxies that the runtime was started with; what is private in them never leaves the node.
take_runtimes_proxies() {
    runtime_pid=$(pgrep -xo containerd || pgrep -xo crio) || return 0
    for proxy in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        value=$(tr '\0' '\n' <"/proc/$runtime_pid/environ" 2>/dev/null | sed -n "s/^$proxy=//p" | head -n 1)
        [ -z "$value" ] || export "$proxy=$value"
    done
    # curl heeds only this spelling for http: a server may set the other one of its CGIs
    [ -z "${HTTP_PROXY:-}" ] || [ -n "${http_proxy:-}" ] || export "http_proxy=$HTTP_PROXY"
}

# Print the addresses at which containerd looks for images of the registry HOST, mirrors first (containerd, docs/hosts.md).
registry_hosts() {
    file=
    for folder in "$1" "$(printf '%s' "$1" | tr ':' '_')" _default; do
        if [ -z "$file" ] && [ -e "/etc/containerd/certs.d/$folder/hosts.toml" ]; then
            file=/etc/containerd/certs.d/$folder/hosts.toml
        fi
    done
    server=
    if [ -n "$file" ]; then
        sed -n 's/^ *\[host\."\(https\{0,1\}:\/\/[^"]*\)"\].*/\1/p' "$file"
        server=$(sed -n 's/^ *server *= *"\(https\{0,1\}:\/\/[^"]*\)".*/\1/p' "$file" | head -n 1)
    fi
    echo "${server:-https://$1}"
}

# registry_has REPOSITORY TAG SECONDS: 0 when somebody there has its manifest; what came back instead lies in `said`.
registry_has() {
    said=
    for host in $(registry_hosts "${1%%/*}"); do
        # a registry of its own may want credentials, which the runtime has and we do not ask for
        code=$(curl -q --silent --show-error --head --location --max-redirs 5 --connect-timeout 3 --max-time "$3" \
            --proto =http,https --output /dev/null --write-out '%{http_code}' \
            --header 'Accept: application/vnd.oci.image.index.v1+json' \
            --header 'Accept: application/vnd.docker.distribution.manifest.list.v2+json' \
            --header 'Accept: application/vnd.oci.image.manifest.v1+json' \
            --header 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
            "${host%/}/v2/${1#*/}/manifests/$2" 2>&1 </dev/null | tail -n 1 | cut -c 1-200)
        [ "$code" != 200 ] || return 0
        said="$said${said:+; }$host answered $code"
    done
    return 1
}
