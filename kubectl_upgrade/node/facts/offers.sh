#!/bin/sh
# Versions of kubeadm that this node's repositories offer: what its package lists know, without any network, and what the
# repository serves of this node's minor and of the three that follow. Those indexes are read in a world of apt's own.

answer_seconds=8
# a fact is killed after 30 s, and could not clean up then
last_second=15
# nothing is written but in that world
caches='-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache='

refuse() {
    echo "$1" >&2
    exit 1
}

uptime_seconds() {
    cut -d . -f 1 /proc/uptime
}

# Minors of the programs on this node, the oldest: while a node is taken to another minor, it has two.
own_minor() {
    dpkg-query -W -f '${db:Status-Status} ${Version}\n' kubeadm kubelet 2>/dev/null |
        sed -n 's/^installed 1\.\([0-9]*\)\..*/\1/p' | sort -n | head -n 1
}

# madison OPTIONS OF APT…: `offered VERSION` for each.
madison() {
    # shellcheck disable=SC2086 # a list of words
    apt-cache $caches "$@" madison kubeadm </dev/null | sed 's/ //g' | cut -d '|' -f 2 | sort -u | sed 's/^/offered /'
}

# Where apt's own configuration says what else an update starts: nothing of it may run for a mere question.
without_hooks() {
    for hook in Pre-Invoke Post-Invoke Post-Invoke-Success Post-Invoke-Stats; do
        echo "#clear APT::Update::$hook;"
    done
}

# source_of LINE: the node's source file as it would serve that minor, without what else stands in it; sets `copy`.
source_of() {
    copy=$world/switched-${source##*/}
    switched_to "$1" <"$source" >"$copy" || return 1
    address=$(served_by "$copy" | sed -n "s#^[^ ]* \([^ ]*\) $1\$#\1#p" | head -n 1)
    [ -n "$address" ] || return 1
    case $copy in
        *.sources) ADDRESS=$address$1 awk -v RS= -v ORS='\n\n' 'index($0, ENVIRON["ADDRESS"])' ;;
        *) grep -F "$address$1" ;;
    esac <"$copy" >"$world/${source##*/}" || return 1
    copy=$world/${source##*/}
}

# ask LINE: `offered VERSION` for each version that its index names, else `refused LINE WHY`, and 1.
ask() {
    line=$1
    if [ $(($(uptime_seconds) - begun)) -gt "$last_second" ]; then
        echo "refused $line the repository answers too slowly"
        return 1
    fi
    if ! source_of "$line"; then
        echo "refused $line $source cannot be made to serve it"
        return 1
    fi
    rm -rf "$world/lists"
    mkdir -p "$world/lists/partial" || refuse "cannot write $world"
    set -- -c "$world/apt.conf" -o "Dir::Etc::sourcelist=$copy" -o Dir::Etc::sourceparts=- \
        -o "Dir::State::lists=$world/lists" -o APT::Sandbox::User=root -o Acquire::Languages=none
    # shellcheck disable=SC2086 # a list of words
    said=$(timeout -k 1 "$answer_seconds" apt-get -q $caches "$@" -o APT::Update::Error-Mode=any -o Acquire::Retries=0 \
        -o "Acquire::http::Timeout=$answer_seconds" -o "Acquire::https::Timeout=$answer_seconds" \
        update 2>&1 </dev/null)
    [ "$?" -ne 124 ] || said="E: no answer within $answer_seconds s"
    offers=$(madison "$@")
    if [ -z "$offers" ]; then
        said=$(printf '%s\n' "$said" | sed -n 's/^[EW]: //p' | head -n 1 | cut -c 1-300)
        echo "refused $line ${said:-its index names no kubeadm}"
        return 1
    fi
    printf '%s\n' "$offers"
}

begun=$(uptime_seconds)
command -v apt-cache >/dev/null || refuse "no apt on this node, so that its repositories cannot be asked"
own=$(own_minor)
[ -n "$own" ] || refuse "neither kubeadm nor kubelet is a package of apt's on this node"
found=$(kubernetes_sources) || refuse "apt cannot read its sources"
source=$(printf '%s\n' "$found" | cut -d ' ' -f 1 | sort -u)
if [ "$(printf '%s\n' "$found" | cut -d ' ' -f 1,3 | sort -u | wc -l)" -gt 1 ]; then
    refuse "several apt sources serve Kubernetes, keep one of them: $(printf '%s' "$source" | tr '\n' ' ')"
fi
if [ -z "$source" ]; then # one repository for all minors
    madison
    exit 0
fi
served=${found##* v1.}
offers=$(madison -o "Dir::Etc::sourcelist=$source" -o Dir::Etc::sourceparts=-)
printf '%s\n' "${offers:-refused v1.$served no package list of it is on this node: apt-get update fetches it}"
# gone at the latest when the node goes down
world=$(mktemp -d /run/upgrade-cp-offers.XXXXXX) || refuse "cannot write to /run"
trap 'rm -rf "$world"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
without_hooks >"$world/apt.conf"
for minor in "$own" $((own + 1)) $((own + 2)) $((own + 3)); do
    # a minor that is not there yet is the last one; this node's own may be gone already
    [ "$minor" -eq "$served" ] || ask "v1.$minor" || [ "$minor" -eq "$own" ] || break
done
