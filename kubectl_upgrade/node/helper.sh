#!/bin/sh
# Runs actions detached from every connection and remembers how they ended.
#
# It stands in BASE/bundle-HASH/ beside actions/; what it remembers stands in BASE:
#   fence                 RUN EPOCH OWNER: who alone may change this node
#   units/UNIT/start      boot-id ID | started SECONDS | fence RUN EPOCH OWNER | action NAME ARGS, a line each
#   units/UNIT/output     what the action printed
#   units/UNIT/exit       its exit code, once it has ended
#   keep-RUN/             what actions keep for their own undo
# Backups are elsewhere and stay: /var/backups/upgrade-cp/RUN8-VERSION/ (actions/backup-etcd.sh).
# A verb answers with one line `upgrade-cp: ANSWER` on stdout and exit 0; any other exit is a failure, told on stderr.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
cd / || exit 70

backups=/var/backups/upgrade-cp
bundle=${0%/*}
base=${bundle%/*}
# shellcheck source-path=SCRIPTDIR source=lib/unit-state.sh
. "$bundle/lib/unit-state.sh"

answer() { printf 'upgrade-cp: %s\n' "$*"; }

fail() {
    printf 'upgrade-cp helper: %s\n' "$2" >&2
    exit "$1"
}

# --- words: allow-listed, whoever sent them ---

is_run() {
    case $1 in *[!0-9a-f]*) return 1 ;; esac
    [ "${#1}" -eq 32 ]
}

is_number() {
    case $1 in '' | *[!0-9]* | 0?* | ??????????*) return 1 ;; esac
}

is_owner() {
    case $1 in *[!0-9a-f]*) return 1 ;; esac
    [ "${#1}" -eq 16 ]
}

is_unit() {
    case $1 in *[!0-9a-f-]*) return 1 ;; esac
    [ "${#1}" -le 48 ]
}

is_action() {
    case $1 in '' | -* | *[!a-z0-9-]*) return 1 ;; esac
    [ -f "$bundle/actions/$1.sh" ]
}

is_argument() {
    case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._,:=+/-]*) return 1 ;; esac
    [ "${#1}" -le 256 ]
}

is_version() {
    case $1 in *[!0-9A-Za-z.-]*) return 1 ;; v[0-9]*) [ "${#1}" -le 80 ] ;; *) return 1 ;; esac
}

check_unit() {
    case $1 in
        upgrade-cp-?*) is_unit "${1#upgrade-cp-}" || fail 64 "no name of a unit: $1" ;;
        *) fail 64 "no name of a unit: $1" ;;
    esac
}

check_fence() {
    is_run "$1" || fail 64 "no id of a run: $1"
    is_number "$2" || fail 64 "no epoch: $2"
    is_owner "$3" || fail 64 "no owner of an epoch: $3"
}

check_action() {
    is_action "$1" || fail 64 "no action of this bundle: $1"
    shift
    for word; do is_argument "$word" || fail 64 "no argument of an action: $word"; done
}

# --- records ---

# the lock goes with the process, so nothing is left to clean up after a crash
lock() {
    exec 9<"$base" || fail 73 "cannot open $base"
    flock -w 20 9 || fail 75 "$base has been locked for 20 seconds; another call hangs: fuser -v $base"
}

# whole and on disk, or not there at all: FILE TEXT
record() {
    printf '%s\n' "$2" >"$1.tmp" && sync "$1.tmp" && mv "$1.tmp" "$1" && sync "${1%/*}"
}

fence() {
    if [ -e "$base/fence" ]; then cat "$base/fence"; else echo none; fi
}

# UNIT → absent, running, exited N or interrupted
state_of() {
    unit_state "$base/units/$1" "$1" || fail 69 "systemd does not say whether $1 runs"
}

# the unit that runs on this node, nothing when none does
running_unit() {
    for unit_folder in "$base"/units/*/; do
        [ -d "$unit_folder" ] || continue
        unit_name=${unit_folder%/}
        unit_name=${unit_name##*/}
        unit_state=$(state_of "$unit_name") || exit "$?"
        [ "$unit_state" != running ] || echo "$unit_name"
    done
}

# HELD RUN EPOCH OWNER: does what holds the node (nothing, this very fence, a lower epoch of the same run) give way?
gives_way() {
    case $1 in
        none | "$2 $3 $4") return 0 ;;
        "$2 "*) ;;
        *) return 1 ;;
    esac
    lower=${1#* }
    lower=${lower%% *}
    is_number "$lower" && [ "$lower" -lt "$3" ]
}

# --- verbs ---

# RUN EPOCH OWNER → raised | held RUN EPOCH OWNER
raise_fence() {
    check_fence "$1" "$2" "$3"
    lock
    held=$(fence)
    gives_way "$held" "$1" "$2" "$3" || { answer "held $held"; return; }
    [ "$held" = "$1 $2 $3" ] || record "$base/fence" "$1 $2 $3" || fail 74 "cannot write $base/fence"
    answer raised
}

# RUN EPOCH OWNER UNIT ACTION ARGS… → started | attached | held RUN EPOCH OWNER | held none | busy UNIT | refused WHY
start() {
    check_fence "$1" "$2" "$3"
    check_unit "$4"
    wanted="$1 $2 $3" unit=$4
    shift 4
    check_action "$@"
    lock
    held=$(fence)
    [ "$held" = "$wanted" ] || { answer "held $held"; return; }
    state=$(state_of "$unit") || exit "$?"
    [ "$state" = absent ] || { answer attached; return; }
    busy=$(running_unit) || exit "$?"
    [ -z "$busy" ] || { answer "busy $busy"; return; }
    begin "$unit" "$wanted" "$@"
}

# RECORD: room for the exit code, so that a disk that an action fills takes nothing away from it
reserve_exit() {
    printf '%-8s\n' running >"$1/exit.reserved" && sync "$1/exit.reserved"
}

# RECORD CODE, into that room: whole and on disk, or not there at all
record_exit() {
    printf '%-8s\n' "$2" 1<>"$1/exit.reserved" && sync "$1/exit.reserved" && mv "$1/exit.reserved" "$1/exit" && sync "$1"
}

# UNIT FENCE ACTION ARGS…
begin() {
    unit=$1 held=$2
    shift 2
    start_record="boot-id $(cat /proc/sys/kernel/random/boot_id)
started $(date +%s)
fence $held
action $*"
    if ! { mkdir -p "$base/units/$unit" && sync "$base/units" && reserve_exit "$base/units/$unit" &&
        record "$base/units/$unit/start" "$start_record"; }; then
        rm -rf "$base/units/$unit"
        fail 74 "cannot write $base/units/$unit: nothing was started"
    fi
    if ! said=$(systemd-run --quiet --collect --unit="$unit" \
        /bin/sh "$bundle/helper.sh" run "$unit" "$@" </dev/null 2>&1 9<&-); then
        state=$(state_of "$unit") || exit "$?"
        if [ "$state" = interrupted ]; then # it never began: no trace, so that it may be tried again
            rm -r "$base/units/$unit"
            answer "refused $(printf '%s' "$said" | tr '\n' ' ')"
            return
        fi
    fi
    answer started
}

# UNIT ACTION ARGS…, inside the unit
run() {
    check_unit "$1"
    unit_record=$base/units/$1
    shift
    check_action "$@"
    if [ ! -e "$unit_record/start" ] || [ -e "$unit_record/exit" ]; then fail 64 "$unit_record is not to be run"; fi
    # held for as long as the action runs: whoever waits for it wakes when this process ends, however it ends
    exec 8>"$unit_record/lock" >>"$unit_record/output" 2>&1
    flock 8
    run=$(sed -n 's/^fence \([0-9a-f]*\) .*/\1/p' "$unit_record/start")
    mkdir -p "$base/keep-$run"
    action=$1
    shift
    # what an action writes is the system's own: the usual modes
    (
        umask 022
        exec env -i PATH="$PATH" LC_ALL=C HOME=/root UPGRADE_CP_KEEP="$base/keep-$run" \
            /bin/sh "$bundle/actions/$action.sh" "$@" </dev/null 8>&-
    )
    code=$?
    record_exit "$unit_record" "$code"
    exit "$code"
}

uptime_seconds() {
    read -r seconds _ </proc/uptime
    echo "${seconds%.*}"
}

# UNIT SECONDS OFFSET → absent | running | exited N | interrupted, then at most 64 KiB of output from that byte on
await() {
    check_unit "$1"
    if ! is_number "$2" || ! is_number "$3" || [ "$2" -gt 30 ]; then fail 64 "no time or offset: $2 $3"; fi
    unit_record=$base/units/$1
    deadline=$(($(uptime_seconds) + $2))
    state=$(state_of "$1") || exit "$?"
    while [ "$state" = running ] && [ "$(uptime_seconds)" -lt "$deadline" ]; do
        flock -s -w "$((deadline - $(uptime_seconds)))" "$unit_record/lock" true
        state=$(state_of "$1") || exit "$?"
        # the lock is free at once in the moments before the action begins and after it was killed
        [ "$state" != running ] || sleep 0.1
    done
    answer "$state"
    if [ -e "$unit_record/output" ]; then tail -c "+$(($3 + 1))" "$unit_record/output" | head -c 65536; fi
}

# RUN EPOCH OWNER → released | held RUN EPOCH OWNER | busy UNIT
release() {
    check_fence "$1" "$2" "$3"
    lock
    held=$(fence)
    gives_way "$held" "$1" "$2" "$3" || { answer "held $held"; return; }
    busy=$(running_unit) || exit "$?"
    [ -z "$busy" ] || { answer "busy $busy"; return; }
    rm -rf "$base/units" "$base/keep-$1" "$base/fence" "$base/fence.tmp" || fail 74 "cannot remove records in $base"
    sync "$base"
    # a bundle that the administrator put there has no mark and stays
    if [ -e "$bundle.ours" ]; then
        rm -rf "$bundle" "$bundle.ours" || fail 74 "cannot remove $bundle"
        rmdir --ignore-fail-on-non-empty "$base"
    fi
    answer released
}

# RUN EPOCH OWNER VERSION NAME → held RUN EPOCH OWNER | absent | sends BYTES, then that file of this run's backup
fetch() {
    check_fence "$1" "$2" "$3"
    is_version "$4" || fail 64 "no version: $4"
    case $5 in SHA256SUMS | etcd.db | kubernetes.tar | etcdutl) ;; *) fail 64 "no file of a backup: $5" ;; esac
    held=$(fence)
    [ "$held" = "$1 $2 $3" ] || { answer "held $held"; return; }
    file=$backups/$(printf '%.8s' "$1")-$4/$5
    [ -f "$file" ] || { answer absent; return; }
    answer "sends $(stat -c %s "$file")"
    cat "$file" || fail 74 "cannot read $file"
}

main() {
    case "${1-} $#" in
        "fence 4") raise_fence "$2" "$3" "$4" ;;
        "start "[6-9] | "start 1"[0-9]) shift && start "$@" ;;
        "run "[3-9] | "run 1"[0-9]) shift && run "$@" ;;
        "wait 4") await "$2" "$3" "$4" ;;
        "release 4") release "$2" "$3" "$4" ;;
        "fetch 6") fetch "$2" "$3" "$4" "$5" "$6" ;;
        *) fail 64 "no verb with these words: $*" ;;
    esac
    exit 0
}

case $0 in
    /*/*/helper.sh) main "$@" ;;
    *) fail 64 "call it by its full path" ;;
esac
