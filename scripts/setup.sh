#!/bin/sh
# Make both environments: .venv (the app, Python 3.11 or newer) and .venv-nlu (Rasa, Python 3.10).
# Usage: scripts/setup.sh run|dev|encoder     "dev" adds what the tests need; "encoder" makes only .venv-encoder, in which
# nlu/encoder is made. Does nothing when everything is up to date.
set -eu
cd "$(dirname "$0")/.."
kind=${1:-run}
export UV_LINK_MODE="${UV_LINK_MODE:-copy}"
# Trust what the machine trusts: a proxy of the house may sign with its own certificate.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"

say() { printf '%s\n' "$*" >&2; }
stop() { say "setup: $*"; exit 1; }

works() { "$1" -c "import sys; sys.exit(sys.version_info[:2] not in ($2))" >/dev/null 2>&1; }

find_uv() {
    if [ -x .tools/uv/bin/uv ]; then echo .tools/uv/bin/uv; return; fi
    if command -v uv >/dev/null 2>&1; then command -v uv; return; fi
    say "uv is missing: putting it into .tools/uv"
    if python3 -m venv .tools/uv >/dev/null 2>&1; then
        .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r scripts/uv.txt >&2 ||
            stop "pip could not install uv; install it yourself (https://docs.astral.sh/uv/) and run this again"
    elif python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip install --quiet --disable-pip-version-check --require-hashes --prefix "$PWD/.tools/uv" -r scripts/uv.txt >&2 ||
            stop "pip could not install uv; install it yourself (https://docs.astral.sh/uv/) and run this again"
    else
        rm -rf .tools/uv
        stop "python3 has neither venv nor pip; install python3-venv, or uv, and run this again"
    fi
    echo .tools/uv/bin/uv
}

# An interpreter of one of the given versions. A pyenv shim may be on PATH and fail, so each candidate is tried; those
# that pyenv has without being its global version are looked for in its folder.
find_python() {
    versions=$1
    shift
    for name in "$@"; do
        if command -v "$name" >/dev/null 2>&1 && works "$name" "$versions"; then command -v "$name"; return 0; fi
        for path in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"${name#python}".*/bin/python; do
            if [ -x "$path" ] && works "$path" "$versions"; then echo "$path"; return 0; fi
        done
    done
    return 1
}

# make_environment FOLDER REQUIREMENTS DEV_REQUIREMENTS PYTHON_VERSIONS PYTHON_FOR_UV NAMES...
make_environment() {
    folder=$1 run_lock=$2 dev_lock=$3 versions=$4 wanted=$5
    shift 5
    run_hash=$(cksum <"$run_lock" | tr ' ' '-')
    dev_hash=$(cksum <"$dev_lock" | tr ' ' '-')
    stamp=$folder/.setup
    if [ -f "$stamp" ] && [ -x "$folder/bin/python" ]; then
        case "$kind:$(cat "$stamp")" in
        "run:$run_hash "* | "encoder:$run_hash "* | "dev:$run_hash $dev_hash") return 0 ;;
        esac
    fi
    uv=$(find_uv)
    if ! works "$folder/bin/python" "$versions"; then
        if python=$(find_python "$versions" "$@"); then :; else
            say "no Python $wanted found: uv downloads its own"
            "$uv" python install "$wanted" >&2 || stop "Python $wanted is missing; install it (for example: pyenv install $wanted) and run this again"
            python=$("$uv" python find "$wanted")
        fi
        say "making $folder with $("$python" --version)"
        "$uv" venv --quiet --clear --python "$python" "$folder"
    fi
    lock=$run_lock
    if [ "$kind" = dev ]; then lock=$dev_lock; fi
    # An interrupted installation must not look like the finished one before it.
    rm -f "$stamp"
    say "installing $(grep -c '==' "$lock") packages into $folder"
    "$uv" pip sync --quiet --python "$folder" --require-hashes "$lock"
    if [ "$kind" = dev ]; then echo "$run_hash $dev_hash"; else echo "$run_hash -"; fi >"$stamp"
}

if [ "$kind" = encoder ]; then
    lock=nlu/finetuning/requirements.txt
    make_environment .venv-encoder $lock $lock "(3,11)," 3.11 python3.11
    exit
fi
make_environment .venv requirements.txt requirements-dev.txt "(3,11),(3,12)" 3.11 python3.11 python3.12 python3
make_environment .venv-nlu nlu/requirements.txt nlu/requirements-dev.txt "(3,10)," 3.10 python3.10
