#!/usr/bin/env bash
# Five utterances of CMU AN4 from the ESPnet wheel, through all stages, on a CPU in minutes.
# Options are those of asr.sh: ./run.sh --stage 11 --stop_stage 13; ./run.sh --help
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# The training data are decoded too: it is there that one sees what was learnt.
exec ./asr.sh \
    --lang en --ngpu 0 --nj 1 --inference_nj 1 --skip_packing false \
    --train_set train --valid_set dev --test_sets "test train" \
    --token_type bpe --nbpe 30 \
    --lm_config conf/train_lm.yaml --asr_config conf/train_asr.yaml \
    --inference_config conf/decode_asr.yaml --inference_asr_model train.loss.best.pth \
    "$@"
