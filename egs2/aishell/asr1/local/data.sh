#!/usr/bin/env bash
# Stage 1: AISHELL-1, downloaded and unpacked into downloads/ where it is not there yet, as data
# directories. ./run.sh passes options on: --local_data_opts "--corpus_dir /corpora/aishell"
set -euo pipefail
exec python3 -m espnet_recursive.bin.prepare_data aishell \
    --data_dir data --download_dir downloads "$@"
