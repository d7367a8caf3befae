#!/bin/sh
# The API server on this node, asked on its own address with the node's credentials.

server=$(own_apiserver) || exit 1
answer=$(ask_apiserver "$server/readyz" 8)
code=$(printf '%s\n' "$answer" | tail -n 1)
# of a long answer only the checks that failed matter; curl prints 000 when nobody answered
body=$(printf '%s\n' "$answer" | sed '$d' | grep -v '^\[+\]' | tr '\n' ' ' | cut -c 1-500 | sed 's/ *$//')
case $code in
    000) code=0 ;;
    [1-5][0-9][0-9]) ;;
    *) echo "curl: $answer" >&2 && exit 1 ;;
esac
echo "readyz $code $body"
if [ "$code" != 0 ]; then
    version=$(ask_apiserver "$server/version" 8 | sed -n 's/.*"gitVersion": *"\([^"]*\)".*/version \1/p')
    [ -z "$version" ] || echo "$version"
fi
