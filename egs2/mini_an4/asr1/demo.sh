#!/usr/bin/env bash
# What `make demo` runs: a recogniser that is there already on speech that it has not heard; then a
# latent-recursive Transformer and the stock Transformer of the same depth, through all stages, and
# what came of them side by side. Options are passed on to run.sh.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

local/recognise.sh
echo
echo "Now two small models are trained, which takes minutes, on the five other utterances."
./run.sh --asr_tag recursive "$@"
./run.sh --asr_tag baseline --encoder_config conf/encoder/baseline.yaml --skip_packing true "$@"

. ./path.sh
echo
python3 -m espnet_recursive.bin.compare exp/asr_baseline exp/asr_recursive --units wer cer \
    --data_dir dump/raw/train dump/raw/test --picture exp/learning_curves.png
cat << EOF

Five training utterances teach a model those five. What it learnt shows on train; test is another
speaker with other words, of which it can know nothing. Models and logs: $(pwd)/exp
EOF
