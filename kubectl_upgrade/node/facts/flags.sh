#!/bin/sh
# What the kubelet and kubeadm's static pods are given to start with, and in which file: names of flags alone, for values
# may be secrets; only of feature gates and admission plugins the values too.

patches=/etc/kubernetes/patches

# Lines `FILE<tab>WORD` -> `flag COMPONENT NAME VALUE FILE`
flags_of() {
    awk -F '\t' -v component="$1" '
        function told() { return name ~ /^(feature-gates|(en|dis)able-admission-plugins)$/ }
        function say() {
            gsub(/[ \t]/, "", value)
            if (name != "") print "flag", component, name, (told() && value != "" ? value : "-"), file
            name = value = ""
        }
        # a word without a dash is the value of the flag before it
        $2 !~ /^--?[A-Za-z]/ { if (value == "") value = $2; next }
        {
            say()
            file = $1
            name = $2
            sub(/^--?/, "", name)
            if (sub(/=.*/, "", name)) value = substr($2, index($2, "=") + 1)
            gsub(/_/, "-", name)
        }
        END { say() }
    '
}

# Command and arguments of the container named like the component, as FILE<tab>WORD; kubeadm writes manifests with two
# spaces of indentation per level and the items of a list not indented further.
command_of() {
    awk -v component="$1" '
        function judge(    i) {
            if (name == component) { found = 1; for (i = 1; i <= count; i++) print FILENAME "\t" word[i] }
            count = 0; name = ""; listing = 0
        }
        /^  containers:/ { inside = 1; next }
        inside && /^  [a-zA-Z]/ { judge(); inside = 0 }
        !inside { next }
        /^  - / { judge(); sub(/^  - /, "    ") }
        /^    name: / { name = $2 }
        /^    (command|args):/ { listing = 1; if ($0 !~ /:[ \t]*$/) odd = 1; next }
        /^    [a-zA-Z]/ { listing = 0 }
        listing && /^ +- / {
            sub(/^ +- /, "")
            if ($0 ~ /^".*"$/ || $0 ~ /^\047.*\047$/) $0 = substr($0, 2, length($0) - 2)
            word[++count] = $0
        }
        END { judge(); if (!found || odd) exit 1 }
    ' "$2"
}

# featureGates of a KubeletConfiguration, or of a patch for it -> `gate kubelet NAME FILE`
gates_of() {
    awk '
        function say(name) { if (name != "") print "gate kubelet", name, FILENAME }
        /^[ \t]*(#|$)/ { next }
        /^["\047]?featureGates["\047]?[ \t]*:/ { inside = 1; sub(/^[^:]*:/, " ") }
        /^[^ \t}]/ { inside = 0 }
        inside {
            sub(/[ \t]#.*/, "")
            gsub(/[{}"\047 \t]/, "")
            count = split($0, entry, ",")
            for (i = 1; i <= count; i++) if (sub(/:.*/, "", entry[i])) say(entry[i])
            next
        }
        # a patch after RFC 6902
        match($0, /\/featureGates\/[A-Za-z0-9]+/) { say(substr($0, RSTART + 14, RLENGTH - 14)); next }
        /featureGates/ { exit odd = 1 }
        END { exit odd }
    ' "$1"
}

# The value of a flag of the kubelet, of what came last.
kubelet_flag() {
    printf '%s\n' "$words" | awk -F '\t' -v flag="--$1" '
        wanted { value = $2 }
        { wanted = $2 == flag }
        index($2, flag "=") == 1 { value = substr($2, length(flag) + 2) }
        END { print value }
    '
}

refuse() {
    echo "$1" >&2
    exit 1
}

units=$(unit_files)
[ -n "$units" ] || refuse "systemd knows no unit kubelet on this node"
# shellcheck disable=SC2086 # a list of paths
words=$(kubelet_words $units) || refuse "the unit kubelet could not be read: $units"
printf '%s\n' "$words" | flags_of kubelet
drop_ins=$(kubelet_flag config-dir)
set -- "$(kubelet_flag config)" "$patches"/kubeletconfiguration*
[ -z "$drop_ins" ] || set -- "$@" "$drop_ins"/*.conf
for file in "$@"; do
    if [ -f "$file" ]; then
        gates_of "$file" || refuse "featureGates in $file is not written as kubeadm writes it"
    fi
done
for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    manifest=/etc/kubernetes/manifests/$component.yaml
    if [ -f "$manifest" ]; then
        words=$(command_of "$component" "$manifest") ||
            refuse "the command of the container $component in $manifest is not written as kubeadm writes it"
        printf '%s\n' "$words" | flags_of "$component"
    fi
    for file in "$patches/$component"*; do
        if [ -f "$file" ]; then
            sed '/^ *#/d' "$file" | grep -Eo -e '--[A-Za-z][A-Za-z0-9_-]*(=[A-Za-z0-9_,=]*)?' |
                awk -v file="$file" '{ print file "\t" $0 }' | flags_of "$component"
        fi
    done
done
