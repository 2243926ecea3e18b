#!/usr/bin/env bash
# Makes the environment (.venv) that every make target runs in; where it is there already, does nothing.
#
#   tools/bootstrap.sh                 make .venv, or bring it up to date
#   tools/bootstrap.sh --which-python  print the Python it would be made with, and install nothing
#
# PYTHON=/path/to/python3.12 overrides the choice of Python.
set -euo pipefail
unset CDPATH
export PIP_USER=0 # some clusters set it, and pip then refuses to install into a virtual environment
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

log=.tools/install.log
stamp=.venv/bootstrap-finished  # three lines: this folder, the Python, a checksum of what decides what is installed
unfinished=.tools/unfinished    # there while .venv is being made: what stands in .venv then is ours to throw away

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $1"
    shift
    [[ $# -eq 0 ]] || printf '%s\n' "$@" >&2
    exit 1
}

logged() {
    printf '+ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null
}

# Running it is the only test of a Python: pyenv's shim of that name may refuse to run, a build may lack modules, and
# a distribution may keep the headers apart, which ctc-segmentation (of espnet[asr]) is compiled with.
# What is printed is the Python behind a shim or a virtual environment, as both may be gone or rebuilt later.
probe_code='
import os, sys, sysconfig
version = sys.version_info[:2]
assert version in ((3, 12), (3, 13)), "this is Python %d.%d" % version
import bz2, ctypes, lzma, sqlite3, ssl, venv
headers = sysconfig.get_path("include")
assert os.path.isfile(os.path.join(headers, "Python.h")), "there is no Python.h in " + headers
print(getattr(sys, "_base_executable", None) or sys.executable)
'

probe() { "$1" -c "$probe_code" </dev/null; }

# The user's own choice, where there is one: never replaced by another, so a wrong one is an error.
check_override() {
    local answer
    [[ -z ${PYTHON:-} ]] && return
    answer=$(probe "$PYTHON" 2>&1) ||
        die "PYTHON=$PYTHON cannot be used; Python 3.12 or 3.13 with its headers is needed." \
            "It answered: ${answer##*$'\n'}"
}

find_python() {
    local candidate version
    if [[ -n ${PYTHON:-} ]]; then
        probe "$PYTHON"
        return
    fi
    for candidate in python3.12 python3.13 python3; do
        probe "$candidate" 2>/dev/null && return
    done
    for version in 3.12 3.13; do
        while read -r candidate; do
            probe "$candidate" 2>/dev/null && return
        done < <(compgen -G "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$version.*/bin/python$version" | sort -rV)
    done
    find_fetched_python
}

find_uv() {
    local candidate
    for candidate in uv .tools/uv/bin/uv; do
        "$candidate" --version >/dev/null 2>&1 || continue
        printf '%s\n' "$candidate"
        return
    done
    return 1
}

find_fetched_python() {
    local uv python
    uv=$(find_uv) || return 1
    python=$(UV_PYTHON_PREFERENCE=only-managed "$uv" python find --system '>=3.12,<3.14' 2>/dev/null) || return 1
    probe "$python" 2>/dev/null
}

no_python() {
    die "no Python 3.12 or 3.13 that works was found${1:-}. Install one, then run the same command again:" \
        "  Debian, Ubuntu   apt-get install python3 python3-venv python3-dev gcc   (Debian 13, Ubuntu 24.04 or later)" \
        "  Fedora           dnf install python3.12 python3.12-devel gcc" \
        "  pyenv            pyenv install 3.12" \
        "  conda            conda create -n py312 python=3.12 && conda activate py312" \
        "or name one that you have: PYTHON=/path/to/python3.12 make ..."
}

# Any Python 3 will do for uv. Written beside and renamed: a folder of that name is a whole one.
install_uv() {
    local base candidate
    for candidate in "$@" python3 /usr/bin/python3; do
        "$candidate" -c 'import ensurepip, venv' 2>/dev/null </dev/null && base=$candidate && break
    done
    [[ -n ${base:-} ]] ||
        die "no python3 here can make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" \
            "Or install uv, then run the same command again."
    say "installing uv into .tools/uv"
    rm -rf .tools/uv .tools/uv.part
    logged "$base" -m venv .tools/uv.part &&
        logged .tools/uv.part/bin/python -m pip install uv &&
        mv .tools/uv.part .tools/uv
}

pip_setting() { # as pip has it, [install] comes after [global] in the list, and counts for more
    local python
    for python in "$1" python3; do
        "$python" -m pip config list 2>/dev/null </dev/null |
            sed -nE "s/^(global|install)\.$2='(.*)'\$/\2/p" | tail -n 1 && return
    done
    return 0
}

# uv does not read pip's settings, and behind a company's mirror nothing can be had without them.
pass_pip_settings_to_uv() {
    local index cert
    index=${PIP_INDEX_URL:-$(pip_setting "$1" index-url)}
    cert=${PIP_CERT:-$(pip_setting "$1" cert)}
    [[ -n ${UV_INDEX_URL:-}${UV_DEFAULT_INDEX:-} || -z $index ]] || export UV_DEFAULT_INDEX=$index
    [[ -n ${SSL_CERT_FILE:-} || -z $cert ]] || export SSL_CERT_FILE=$cert
    export UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-${PIP_DEFAULT_TIMEOUT:-120}}
}

checksum() {
    { cat setup.py pyproject.toml && grep '^__version__' espnet_recursive/__init__.py; } | cksum
}

# Is there an environment that was finished, in this very folder (scripts hold its path), with the Python asked for,
# and does its Python still run?
reusable() {
    local folder python
    { read -r folder && read -r python; } 2>/dev/null <"$stamp" || return 1
    [[ $folder == "$PWD" ]] || return 1
    [[ -z ${PYTHON:-} || $python == "$(probe "$PYTHON")" ]] || return 1
    .venv/bin/python -c '' 2>/dev/null </dev/null
}

up_to_date() { reusable && [[ $(tail -n 1 "$stamp") == "$(checksum)" ]]; }

failed() {
    tail -n 15 "$log" >&2
    command -v "${CC:-cc}" gcc >/dev/null || say "hint: no C compiler was found. On Debian and Ubuntu: apt-get install gcc"
    die "$1 failed; its last lines are above, all of them in $PWD/$log"
}

make_environment() {
    local python uv fresh=true
    : >"$log"
    if reusable; then
        fresh=false
        python=$(sed -n 2p "$stamp")
    elif [[ -e .venv && ! -e $stamp && ! -e $unfinished ]]; then
        die "$PWD/.venv was not made by this script; move it away or remove it, then run the same command again"
    elif ! python=$(find_python); then
        uv=$(find_uv) || { install_uv && uv=.tools/uv/bin/uv; } || failed "installing uv"
        say "no Python 3.12 or 3.13 found; having uv fetch one ..."
        pass_pip_settings_to_uv python3
        # Without the variable uv would also link it into the user's ~/.local/bin
        logged env UV_PYTHON_INSTALL_BIN=0 "$uv" python install 3.12 || no_python ", and uv could not fetch one ($PWD/$log)"
        python=$(find_fetched_python) || no_python
    fi
    say "using $python"
    if ! uv=$(find_uv); then
        if install_uv "$python"; then uv=.tools/uv/bin/uv; else say "uv cannot be installed here; going on with pip"; fi
    fi
    pass_pip_settings_to_uv "$python"

    : >"$unfinished"
    if [[ $fresh == true ]]; then
        say "installing into .venv (about 6 GB, once; progress in $log) ..."
        rm -rf .venv
        if [[ -n $uv ]]; then
            logged "$uv" venv --python "$python" .venv || failed "making .venv"
        else
            logged "$python" -m venv .venv || failed "making .venv"
        fi
    else
        say "bringing .venv up to date (progress in $log) ..."
        rm -f "$stamp"
    fi
    if [[ -n $uv ]]; then
        # Compiled once here: importing ESPnet takes twice as long where bytecode may not be written later.
        logged "$uv" pip install --compile-bytecode --python .venv/bin/python -e '.[test]' || failed "installing into .venv"
    else
        logged .venv/bin/python -m pip install -e '.[test]' || failed "installing into .venv"
    fi
    printf '%s\n' "$PWD" "$python" "$(checksum)" >"$unfinished"
    mv "$unfinished" "$stamp" # last, and at once: an installation that was cut short never looks finished
    say "installed"
}

check_override
case ${1:-} in
    --which-python) find_python || no_python " (make would have uv fetch one)" ;;
    "")
        up_to_date && exit
        mkdir -p .tools
        exec 9>.tools/lock
        ! command -v flock >/dev/null || flock 9 # two makes at once: the second waits (also for what a killed one left running)
        up_to_date || make_environment
        ;;
    *) die "unknown option $1 (only --which-python is known)" ;;
esac
