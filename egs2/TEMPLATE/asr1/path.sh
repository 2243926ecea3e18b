# shellcheck shell=bash
# Sourced by asr.sh: the environment that its commands run in. In a checkout that is its package, and
# the environment of `make` where there is one; else whatever python3 the shell has.
checkout=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
if [ -d "${checkout}/espnet_recursive/recipe" ]; then
    [ ! -d "${checkout}/.venv/bin" ] || export PATH="${checkout}/.venv/bin:${PATH}"
    export PYTHONPATH="${checkout}${PYTHONPATH:+:${PYTHONPATH}}"
fi
# One thread a process: jobs run side by side, and more threads than cores are slower.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Sorting and reading do not depend on the machine's language.
export LC_ALL=C.UTF-8 PYTHONIOENCODING=UTF-8
