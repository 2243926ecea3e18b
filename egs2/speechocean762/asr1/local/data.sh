#!/usr/bin/env bash
# Stage 1: speechocean762, downloaded and unpacked into downloads/ where it is not there yet, as data
# directories. ./run.sh passes options on: --local_data_opts "--corpus_dir /corpora/speechocean762"
set -euo pipefail
exec python3 -m espnet_recursive.bin.prepare_data speechocean762 \
    --data_dir data --download_dir downloads "$@"
