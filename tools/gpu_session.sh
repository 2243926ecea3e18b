#!/usr/bin/env bash
# Everything that a machine with one GPU is asked for, within some minutes: docs/gpu.md.
# Usage: tools/gpu_session.sh --out DIR [--minutes N] [--data DIR] [--device cpu --shrink N]
set -euo pipefail
root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd)
# The environment of `make`, where there is one; else whatever python3 the shell has.
if [ -d "${root}/.venv/bin" ]; then
    export PATH="${root}/.venv/bin:${PATH}"
fi
export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
exec python3 -m benchmarks.gpu.command "$@"
