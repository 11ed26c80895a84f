#!/bin/sh
# Prints the node that the browser tests run with: the oldest version that bootstrap.sh accepts, from npm, so that a
# feature of a newer one cannot slip into them. Where npm has no such binary for this machine, the installed node.
set -eu
cd "$(dirname "$0")"

for node in node_modules/node-*/bin/node; do
    if [ -x "$node" ] && "$node" --version >/dev/null 2>&1; then
        printf '%s\n' "$PWD/$node"
        exit
    fi
done
command -v node
