#!/usr/bin/env bash
# Stage 1: the data directories of AN4. ./run.sh says whether they are to have waveforms or features,
# and passes options on: --local_data_opts "--corpus_dir /corpora/an4"
set -euo pipefail
exec python3 -m espnet_recursive.bin.prepare_data an4 --data_dir data "$@"
