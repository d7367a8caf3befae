# One exact version of a package, and nothing else: holds, locks, interrupted transactions, simulation. Sourced.

ours='kubeadm kubelet kubectl cri-tools kubernetes-cni'
read_apt="read apt's words above, put the cause right on this node, then apply again"
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none
# the folder of a private world (apt-world.sh), empty for the system's
world=

# aptly PROGRAM WORDS…: apt-get or apt-cache in that world. Packages, holds and preferences are the system's always.
aptly() {
    program=$1
    shift
    if [ -n "$world" ]; then
        # apt's own user cannot look into the run's folder
        set -- -o "Dir::Etc::sourcelist=$world/sources/sources.list" \
            -o "Dir::Etc::sourceparts=$world/sources/sources.list.d" \
            -o "Dir::State::lists=$world/lists" -o "Dir::Cache::archives=$world/archives" \
            -o "Dir::Cache::pkgcache=$world/pkgcache.bin" -o "Dir::Cache::srcpkgcache=$world/srcpkgcache.bin" \
            -o APT::Sandbox::User=root -o APT::Keep-Downloaded-Packages=true "$@"
    fi
    "$program" "$@"
}

# Run a command of apt's or dpkg's, and again while somebody else holds one of their locks, 300 s at most; then 75.
# apt's own DPkg::Lock::Timeout covers neither the lists nor the archives nor apt-mark, and names no holder.
patiently() {
    output=$UPGRADE_CP_KEEP/apt.out
    tries=0
    while ! "$@" >"$output" 2>&1 </dev/null; do
        holder=$(grep -E 'Could not get lock|Unable to (lock|acquire)|lock (was|is) locked' "$output" | head -n 1)
        tries=$((tries + 1))
        if [ -z "$holder" ]; then
            tail -n 30 "$output"
            return 1
        elif [ "$tries" -ge 150 ]; then
            say "Another package manager kept its lock for 300 s: ${holder#E: }"
            return 75
        elif [ "$((tries % 15))" -eq 1 ]; then
            say "waiting for another package manager: ${holder#E: }"
        fi
        sleep 2
    done
}

apt_get() {
    patiently aptly apt-get -q -o Dpkg::Use-Pty=0 -o APT::Update::Error-Mode=any -o Acquire::Retries=3 \
        -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@"
}

held_packages() {
    # shellcheck disable=SC2086 # a list of words
    dpkg-query -W -f '${db:Status-Want} ${Package}\n' $ours 2>/dev/null | sed -n 's/^hold //p'
}

# Holds: an explicit installation clears them. Recorded before the first change; a record that is already there was
# left by an attempt that died, and is the truth.
record_holds() {
    [ -e "$UPGRADE_CP_KEEP/holds" ] || held_packages | keep holds || exit 1
    trap 'restore_holds $?' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

restore_holds() {
    trap - EXIT
    put_holds_back
    exit "$1"
}

# What is on record; the record goes, so that there is nothing to do a second time.
put_holds_back() {
    [ -e "$UPGRADE_CP_KEEP/holds" ] || return 0
    lost=$(held_packages | grep -Fxv -f - "$UPGRADE_CP_KEEP/holds" | tr '\n' ' ')
    # shellcheck disable=SC2086 # a list of words
    [ -z "$lost" ] || patiently apt-mark hold $lost ||
        fail "packages that were on hold are not any more: $lost" "apt-mark hold them on this node"
    rm -f "$UPGRADE_CP_KEEP/holds"
}

# Packages that dpkg left in a broken state. Pending triggers are none: the next transaction runs them.
broken_packages() {
    dpkg-query -W -f '${db:Status-Eflag} ${db:Status-Status} ${Package}\n' |
        grep -Ev '^ok (installed|config-files|not-installed|triggers-pending|triggers-awaited) ' | cut -d ' ' -f 3
}

# Finish what an attempt of ours began when the machine went down; stop at anything that is not ours.
recover() {
    # whoever holds the locks may be in the middle of something that only looks broken
    patiently apt-get check
    [ $? -ne 75 ] || fail "somebody else is changing packages" "let them finish, then apply again"
    broken=$(broken_packages)
    if [ -z "$broken" ] && ! ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1; then
        return
    fi
    for package in $broken; do
        grep -Fxq "$package" "$UPGRADE_CP_KEEP/transaction" 2>/dev/null || not_ours
    done
    [ -e "$UPGRADE_CP_KEEP/transaction" ] || not_ours
    say "an earlier attempt was interrupted: putting dpkg in order"
    # writes dpkg's journal into its database, and changes nothing else
    patiently dpkg --set-selections || not_ours
    for package in $broken; do
        # a half-unpacked one cannot be configured; the installation below unpacks it again
        dpkg --force-confold --configure "$package" </dev/null 2>&1 || true
    done
    [ -n "$(broken_packages)" ] || rm -f "$UPGRADE_CP_KEEP/transaction"
}

not_ours() {
    dpkg --audit
    fail "dpkg on this node was left in the middle of something before this run" \
        "put it in order by hand (dpkg --audit, dpkg --configure -a), then apply again"
}

# Print the installed version of a package, nothing unless it is installed properly.
installed() {
    dpkg-query -W -f '${db:Status-Eflag} ${db:Status-Status} ${Version}\n' "$1" 2>/dev/null |
        sed -n 's/^ok installed //p'
}

# candidate PACKAGE VERSION: print the newest revision of exactly this version that a repository offers.
candidate() {
    aptly apt-cache madison "$1" </dev/null | sed 's/ //g' | cut -d '|' -f 2 | while read -r offered; do
        case $offered in "$2"-*) echo "$offered" && break ;; esac
    done
}

# update FILE: fetch the index of this one source and leave all others as they are; of all when there is no such file.
update() {
    if [ -z "$1" ]; then
        say "fetching the package index"
        patiently aptly apt-get -q update
        return
    fi
    say "fetching the package index of $1"
    apt_get update -o "Dir::Etc::sourcelist=$1" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 ||
        fail "apt-get update of $1" "make the repository reachable from this node, then apply again"
}

# The command line of every installation of ours, tried and real.
install_words='--no-install-recommends --allow-change-held-packages install'

# changes_alone PACKAGE=VERSION…: refuses when apt would touch anything else.
changes_alone() {
    # shellcheck disable=SC2086 # a list of words
    apt_get --simulate $install_words "$@" || fail "apt sees no way to install this" "$read_apt"
    others=$(changes_besides "$@" <"$output")
    [ -z "$others" ] || fail "this would also change other packages: $others" \
        "bring those to the wanted state on this node by hand, then apply again"
}

# install_only PACKAGE=VERSION…: these and nothing else; a package may also be the path of its file.
install_only() {
    say "installing $*"
    changes_alone "$@"
    names_of "$@" | tr ' ' '\n' | sed '/^$/d' | keep transaction || exit 1
    # shellcheck disable=SC2086 # a list of words
    apt_get --assume-yes -o Dpkg::Options::=--force-confold $install_words "$@" || fail "apt-get install" "$read_apt"
    rm -f "$UPGRADE_CP_KEEP/transaction"
}

# The names in PACKAGE=VERSION… and PATH/PACKAGE_VERSION_….deb…; options have none.
names_of() {
    for package in "$@"; do
        package=${package##*/}
        case $package in --*) ;; *) printf '%s ' "${package%%[=_]*}" ;; esac
    done
}

# From a simulation: what would be installed, upgraded or removed besides the named packages and new dependencies
# that belong to Kubernetes (a bracket after the name holds the version that is there already).
changes_besides() {
    named=" $(names_of "$@")"
    while read -r verb package rest; do
        case $verb in
            Inst)
                case $named in *" $package "*) continue ;; esac
                case "$package $rest" in "cri-tools ("* | "kubernetes-cni ("*) continue ;; esac
                printf '%s ' "$package"
                ;;
            Remv | Purg) printf 'removal of %s ' "$package" ;;
        esac
    done
}
