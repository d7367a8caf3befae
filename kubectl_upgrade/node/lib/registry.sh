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

# Print where containerd looks for images of the registry HOST, mirrors first, as `URL#NAMESPACE`: the URL as far as its API,
# and for another host than HOST the registry that it is asked for (containerd, docs/hosts.md). Of a block it heeds
# override_path alone.
registry_hosts() {
    file=/dev/null
    # the last one that is there, of host:5000 host_5000_
    for folder in _default "$1" "$(printf '%s' "$1" | sed 's/:\([0-9]*\)$/_\1_/')"; do
        [ ! -e "/etc/containerd/certs.d/$folder/hosts.toml" ] || file=/etc/containerd/certs.d/$folder/hosts.toml
    done
    awk -v registry="$1" '
        function told(url, as_it_is) {
            sub(/\/+$/, "", url)
            if (!as_it_is && url !~ /\/v2$/) url = url "/v2"
            split(url, parts, "/")
            return url "#" (parts[3] == registry ? "" : registry)
        }
        function between_quotes(line) { split(line, words, "\""); return words[2] }
        BEGIN { server = "https://" registry }
        /^ *\[/ {
            if (mirror) print told(mirror, override)
            mirror = $0 ~ /^ *\[host\."https?:\/\/[^"]*"\]/ ? between_quotes($0) : ""
            override = 0
            below = 1
        }
        /^ *server *= *"https?:\/\/[^"]*"/ && !below { server = between_quotes($0) }
        /^ *override_path *= *true/ { if (below) override = 1; else servers_own = 1 }
        END {
            if (mirror) print told(mirror, override)
            print told(server, servers_own)
        }
    ' "$file"
}

# registry_has REPOSITORY TAG SECONDS: 0 when somebody there has its manifest; what came back instead lies in `said`.
registry_has() {
    said=
    for host in $(registry_hosts "${1%%/*}"); do
        url=${host%#*}
        namespace=${host##*#}
        # a registry of its own may want credentials, which the runtime has and we do not ask for
        code=$(curl -q --silent --show-error --head --location --max-redirs 5 --connect-timeout 3 --max-time "$3" \
            --proto =http,https --output /dev/null --write-out '%{http_code}' \
            --header 'Accept: application/vnd.oci.image.index.v1+json' \
            --header 'Accept: application/vnd.docker.distribution.manifest.list.v2+json' \
            --header 'Accept: application/vnd.oci.image.manifest.v1+json' \
            --header 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
            "$url/${1#*/}/manifests/$2${namespace:+?ns=$namespace}" 2>&1 </dev/null | tail -n 1 | cut -c 1-200)
        [ "$code" != 200 ] || return 0
        # what stands before an @ are credentials
        said="$said${said:+; }$(printf '%s answered %s' "${url%/v2}" "$code" | sed 's,//[^/@]*@,//,g')"
    done
    return 1
}
