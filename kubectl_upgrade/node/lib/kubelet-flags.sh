# Does a kubelet know every flag that this node gives it? Sourced.
# A flag that a release removed keeps its kubelet from starting: kubeadm cleans its own kubeadm-flags.env, not what
# people wrote into /etc/default/kubelet or a drop-in.

# Read unit files as systemd does (systemd.exec(5), EnvironmentFile; systemd.service(5), Command lines) and print the
# words that the kubelet gets, one per line: FILE, tab, word. Nothing of it is ever evaluated.
kubelet_words() {
    awk '
        # Words of text: blanks separate, quotes group and vanish, a backslash takes the next character.
        # With whole, blanks outside of quotes belong to the one word.
        function words(text, found, whole,    count, at, length_, c, quote, word, begun) {
            length_ = length(text)
            for (at = 1; at <= length_; at++) {
                c = substr(text, at, 1)
                if (c == "\\" && quote != "\047") { word = word substr(text, ++at, 1); begun = 1 }
                else if (quote != "" && c == quote) quote = ""
                else if (quote == "" && (c == "\"" || c == "\047")) { quote = c; begun = 1 }
                else if (quote == "" && !whole && (c == " " || c == "\t")) {
                    if (begun) found[++count] = word
                    word = ""; begun = 0
                }
                else { word = word c; begun = 1 }
            }
            if (begun) found[++count] = word
            return count
        }
        function assign(text, file, whole,    found, count, i, at) {
            count = words(text, found, whole)
            for (i = 1; i <= count; i++) {
                at = index(found[i], "=")
                value[substr(found[i], 1, at - 1)] = substr(found[i], at + 1)
                origin[substr(found[i], 1, at - 1)] = file
            }
        }
        function print_words(text, file,    found, count, i) {
            count = words(text, found, 0)
            for (i = 1; i <= count; i++) print file "\t" found[i]
        }
        function read_environment(file,    line, more) {
            while ((getline more < file) > 0) {
                line = line more
                if (sub(/\\$/, "", line)) continue
                sub(/[ \t]+$/, "", line)
                if (line ~ /^[A-Za-z_][A-Za-z0-9_]*=/) assign(line, file, 1)
                line = ""
            }
            close(file)
        }
        /^[ \t]*[#;]/ { next }
        { line = line $0 }
        sub(/\\$/, "", line) { next }
        line ~ /^Environment=/ { assign(substr(line, 13), FILENAME, 0) }
        line ~ /^EnvironmentFile=/ { file = substr(line, 17); sub(/^-/, "", file); environment[++files] = file }
        line ~ /^ExecStart=./ { command = substr(line, 11); commanded = FILENAME }
        { line = "" }
        END {
            # whatever stands in a file wins over Environment=
            for (i = 1; i <= files; i++) read_environment(environment[i])
            count = words(command, word, 0)
            for (i = 2; i <= count; i++) {
                name = word[i]
                if (sub(/^\$\{/, "", name) && sub(/\}$/, "", name)) print origin[name] "\t" value[name]
                else if (!sub(/^\$/, "", name)) print commanded "\t" name
                else if (name in value) print_words(value[name], origin[name])
            }
        }
    ' "$@"
}

unit_files() {
    systemctl show kubelet --property=FragmentPath --value </dev/null
    systemctl show kubelet --property=DropInPaths --value </dev/null
}

# flags_known KUBELET [FILE]: ask this very binary; says which file it would stumble over, and why. FILE is not judged.
flags_known() {
    binary=$1
    passed_over=${2-}
    units=$(unit_files)
    [ -n "$units" ] || fail "systemd knows no unit kubelet on this node" "set the kubelet up as a unit of systemd"
    # shellcheck disable=SC2086 # a list of paths
    words=$(kubelet_words $units)
    answer=0
    for file in $(printf '%s\n' "$words" | cut -f 1 | sort -u); do
        [ "$file" != "$passed_over" ] || continue
        set --
        while IFS= read -r word; do
            set -- "$@" "$word"
        done <<EOF
$(printf '%s\n' "$words" | FILE=$file awk -F '\t' '$1 == ENVIRON["FILE"] { print $2 }')
EOF
        if ! said=$(timeout 30 "$binary" "$@" --help 2>&1 >/dev/null </dev/null); then
            say "$file: $(printf '%s\n' "$said" | tail -n 1 | sed 's/.*failed to parse kubelet flag: //; s/"$//')"
            answer=1
        fi
    done
    return "$answer"
}
