#!/bin/sh
# Refuses crates that are known to be vulnerable, and those of ours that nobody maintains (deny.toml). The list of them is a
# git repository on GitHub. Where that cannot be reached, the copy that was fetched last is used; without one, nothing is
# checked, and that is said and is no failure: bans, licenses and sources need no list and are checked apart.
set -eu
cd "$(dirname "$0")/../.."

say() { printf '%s\n' "advisories: $*" >&2; }
check() { cargo-deny --locked "$@" check --hide-inclusion-graph advisories; }

# A network that answers nothing must not hold everything up.
limit=''
! command -v timeout >/dev/null 2>&1 || limit='timeout 120'

# Two words, or none.
# shellcheck disable=SC2086
if said=$(GIT_TERMINAL_PROMPT=0 $limit cargo-deny fetch db 2>&1); then
    check
    exit
fi

for database in "${CARGO_HOME:-$HOME/.cargo}"/advisory-dbs/advisory-db-*; do
    if [ -d "$database/.git" ]; then
        say "the list of vulnerable crates cannot be fetched; using that of $(git -C "$database" log -1 --format=%cs)"
        check --offline
        exit
    fi
done
reason=$(printf '%s\n' "$said" | sed -n 's/^fatal: //p' | head -n 1)
say "NOT CHECKED, since the list of vulnerable crates cannot be fetched: ${reason:-$said}"
