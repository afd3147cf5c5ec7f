# Shared by the scripts in this folder: where things are, and one environment that is brought up
# to date only when its lock changed. Source it; it runs nothing by itself.
# shellcheck shell=bash

# A bare environment has a PATH that is not exported; what we start looks for it. Programs for
# networks and file systems lie where that of a user does not lead.
export PATH=$PATH:/usr/sbin:/sbin

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
ENVS=$ROOT/.envs
LOCKS=$ROOT/ops/requirements

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$(basename "$0"): $*"
    exit 1
}

# Print the interpreter to build environments with, or say in one line what is missing.
base_python() {
    local python=${PYTHON:-python3}
    command -v "$python" >/dev/null ||
        die "$python is missing; on Debian and Ubuntu: apt-get install python3 python3-venv"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "Python 3.11 or newer is needed and $python is $("$python" -V 2>&1); name another with PYTHON=..."
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        die "python3-venv is missing; on Debian and Ubuntu: apt-get install python3-venv"
    command -v "$python"
}

# digest FILE...: one word that changes when any of the files does.
digest() { cat "$@" | sha256sum | cut -c1-16; }

pip_install() { # pip_install VENV ARGUMENT...: quiet; on failure one line that says why
    local venv=$1 output
    shift
    output=$("$venv/bin/python" -m pip --disable-pip-version-check --no-input --retries 2 \
        install --quiet "$@" 2>&1) && return
    case $output in
    *"onnection"* | *"ame resolution"* | *"timed out"* | *"from versions: none"*)
        die "no package index can be reached; the first run needs a network (or pip's PIP_INDEX_URL)" ;;
    esac
    say "$output"
    die "installing Python packages failed; pip's own words are above"
}

# make_environment VENV LOCK: create VENV if needed and install LOCK's pinned, hashed packages.
# Returns at once when VENV already holds exactly that lock.
make_environment() {
    local venv=$1 lock=$2 python stamp want
    stamp=$venv/.installed-$(basename "$lock" .txt)
    want=$(digest "$LOCKS/build.txt" "$lock")
    if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && "$venv/bin/python" -c '' 2>/dev/null; then return; fi
    python=$(base_python) || exit 1
    say "Installing $(basename "$lock" .txt) packages into ${venv#"$ROOT"/} ..."
    mkdir -p "$ENVS"
    exec 9>"$ENVS/$(basename "$venv").lock"
    flock 9 # two scripts at once wait for each other
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"
    # What builds source packages is pinned too, hence no isolated (unpinned) build environments.
    pip_install "$venv" --require-hashes -r "$LOCKS/build.txt"
    pip_install "$venv" --require-hashes --no-build-isolation --use-pep517 -r "$lock"
    printf '%s\n' "$want" >"$stamp"
    exec 9>&-
}

# project_environment SET: the project's own environment with SET's packages and the project in it.
project_environment() {
    local stamp=$VENV/.installed-project want
    make_environment "$VENV" "$LOCKS/$1.txt"
    want=$(digest "$ROOT/pyproject.toml")
    if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return; fi
    pip_install "$VENV" --no-deps --no-build-isolation --editable "$ROOT"
    printf '%s\n' "$want" >"$stamp"
}
