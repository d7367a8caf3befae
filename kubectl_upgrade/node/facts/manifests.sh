#!/bin/sh
# Static pod manifests of kubeadm's components on this node, and its patches for them.

# The image of the container named like the component; patches may have added other containers.
# kubeadm writes manifests with two spaces of indentation per level and the items of a list not indented further.
image_of() {
    awk -v component="$1" '
        function judge() { if (name == component && image != "") { print image; found = 1; exit } name = image = "" }
        found { next }
        /^  containers:/ { inside = 1; next }
        inside && /^  [a-zA-Z]/ { judge(); inside = 0 }
        inside && /^  - / { judge(); sub(/^  - /, "    ") }
        inside && /^    image: / { image = $2 }
        inside && /^    name: / { name = $2 }
        END { if (!found && name == component && image != "") print image }
    ' "$2"
}

# metadata.name in a manifest; nothing when there is none, or when it is JSON
pod_of() {
    awk '
        /^metadata:/ { inside = 1; indent = 0; next }
        /^[^ #]/ { inside = 0 }
        !inside || !/[^ ]/ { next }
        { match($0, /^ */); if (!indent) indent = RLENGTH }
        RLENGTH == indent && $1 == "name:" { gsub(/["\047]/, "", $2); print $2; exit }
    ' "$1" | tr -dc 'a-zA-Z0-9.-' | cut -c 1-253
}

# names and contents of kubeadm's patches
if [ -n "$(ls -A /etc/kubernetes/patches 2>/dev/null)" ]; then
    hash=$(cd /etc/kubernetes/patches && find . -type f | LC_ALL=C sort | xargs -r -d '\n' sha256sum | sha256sum) || exit 1
    echo "patches sha256:${hash%% *}"
fi
for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    file=/etc/kubernetes/manifests/$component.yaml
    if [ -e "$file" ]; then
        hash=$(sha256sum "$file") || exit 1
        image=$(image_of "$component" "$file")
        if [ -z "$image" ]; then
            echo "no container $component with an image in $file" >&2
            exit 1
        fi
        echo "manifest $component sha256:${hash%% *} $image"
    fi
done
# the kubelet reads every file there whose name does not begin with a dot, whatever it ends with
for file in /etc/kubernetes/manifests/[!.]*; do
    [ -f "$file" ] || continue
    case ${file##*/} in etcd.yaml | kube-apiserver.yaml | kube-controller-manager.yaml | kube-scheduler.yaml) continue ;; esac
    pod=$(pod_of "$file")
    printf 'other %s %s\n' "${pod:--}" "$(printf '%s' "${file##*/}" | tr '\n\r' '??')"
done
