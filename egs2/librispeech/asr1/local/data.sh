#!/usr/bin/env bash
# Stage 1: LibriSpeech, downloaded and unpacked into downloads/ where it is not there yet, as data
# directories. ./run.sh passes options on: --local_data_opts "--corpus_dir /corpora/LibriSpeech"
set -euo pipefail
exec python3 -m espnet_recursive.bin.prepare_data librispeech \
    --data_dir data --download_dir downloads "$@"
