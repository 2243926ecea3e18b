#!/usr/bin/env bash
# Breaks runs of the mini_an4 recipe and files of it on purpose, and counts what was noticed: kills,
# Ctrl-C, two runs at once, full disks, flipped bits, edited configurations. Not a part of `make test`:
# all of it takes some hours. Started again with the same folder it goes on where it was.
# Usage: tools/check_faults.sh [--only KIND]... [--number N] [--seed S] [DIR]; --help
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
if [ -d .venv/bin ]; then export PATH=${PWD}/.venv/bin:${PATH}; fi
export PYTHONPATH=${PWD} OMP_NUM_THREADS=1
exec python3 -m tools.faults "$@"
