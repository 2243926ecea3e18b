#!/usr/bin/env bash
# Stage 1: the data directories of the AN4 utterances that the ESPnet wheel carries.
set -euo pipefail
python3 -m espnet_recursive.bin.prepare_data mini_an4 --data_dir data --download_dir downloads "$@"
