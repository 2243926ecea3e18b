#!/usr/bin/env bash
# AISHELL-1, from the archives to a published model. Options are those of asr.sh: ./run.sh --help
#
#   ./run.sh                                           the paper's row L4, characters as tokens
#   ./run.sh --encoder_config conf/encoder/B2.yaml     its baseline
#   ./run.sh --token_type bpe                          5000 subwords, as the paper's recipe has
#   ./run.sh --speed_perturb_factors "0.9 1.0 1.1"     copies at other speeds, as in ESPnet's recipe
#   ./run.sh --use_lm true                             with a language model of the transcripts
#   ./run.sh --local_data_opts "--corpus_dir /corpora/aishell"    a corpus that is there
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

exec ./asr.sh \
    --lang zh --ngpu 1 --nj 32 --inference_nj 32 --skip_packing false --use_lm false \
    --train_set train --valid_set dev --test_sets "dev test" \
    --token_type char --nbpe 5000 \
    --bpe_train_text data/train/text --lm_train_text data/train/text \
    --lm_config conf/train_lm_small.yaml --asr_config conf/train_asr_transformer.yaml \
    --inference_config conf/decode_asr.yaml \
    "$@"
