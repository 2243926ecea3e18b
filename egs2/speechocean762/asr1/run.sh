#!/usr/bin/env bash
# speechocean762, from the archive or a clone of its repository to a scored model, on a CPU.
# Options are those of asr.sh: ./run.sh --help
#
#   ./run.sh                                                     L1, {2, 5, 1, 1}, CTC over characters
#   ./run.sh --local_data_opts "--corpus_dir /corpora/speechocean762"    a corpus that is there
#   ./run.sh --local_data_opts "--extra_data_dir DIR"            further speech to train on
#   ./run.sh --encoder_config conf/encoder/B.yaml                another row
#   ./run.sh --asr_config conf/train_asr_cr_ctc.yaml             CR-CTC
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

exec ./asr.sh \
    --lang en --ngpu 0 --nj 2 --inference_nj 2 --skip_packing false --use_lm false \
    --train_set train_nodev --valid_set dev --test_sets "dev test" \
    --max_wav_duration 25 --token_type char \
    --lm_train_text data/train_nodev/text \
    --asr_config conf/train_asr.yaml --inference_config conf/decode_asr.yaml \
    --inference_asr_model valid.cer_ctc.ave.pth \
    "$@"
