# shellcheck shell=bash
# Sourced by asr.sh: the environment that its commands run in.
ESPNET_RECURSIVE_ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
export ESPNET_RECURSIVE_ROOT
# The environment of `make`, where there is one; else whatever python3 the shell has.
if [ -d "${ESPNET_RECURSIVE_ROOT}/.venv/bin" ]; then
    export PATH="${ESPNET_RECURSIVE_ROOT}/.venv/bin:${PATH}"
fi
export PYTHONPATH="${ESPNET_RECURSIVE_ROOT}${PYTHONPATH:+:${PYTHONPATH}}"
# One thread a process: jobs run side by side, and more threads than cores are slower.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Sorting and reading do not depend on the machine's language.
export LC_ALL=C.UTF-8 PYTHONIOENCODING=UTF-8
