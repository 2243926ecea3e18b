#!/usr/bin/env bash
# CMU AN4, from its features or its waveforms to a scored model, on a CPU.
# Options are those of asr.sh: ./run.sh --help
#
#   ./run.sh --local_data_opts "--corpus_dir /corpora/an4"                    Sphinx's features, feat/
#   ./run.sh --feats_type raw --local_data_opts "--corpus_dir /corpora/an4"   the waveforms, wav/
#   ./run.sh --encoder_config conf/encoder/B.yaml ...                         the stock depth
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# shellcheck source=egs2/TEMPLATE/asr1/stage.sh
. ./stage.sh
called_as=./run.sh
# Which of the two stage 1 prepares follows from --feats_type.
feats_type=extracted
take_options feats_type "$@"
features=$([ "${feats_type}" = raw ] && echo false || echo true)

exec ./asr.sh \
    --lang en --ngpu 0 --nj 2 --inference_nj 2 --skip_packing false \
    --feats_type "${feats_type}" --cepstra "13 40 130 6800" --recipe_data_opts "--features ${features}" \
    --train_set train_nodev --valid_set dev --test_sets "dev test" \
    --token_type bpe --nbpe 80 \
    --bpe_train_text data/train_nodev/text --lm_train_text data/train_nodev/text \
    --lm_config conf/train_lm.yaml --asr_config conf/train_asr.yaml \
    --inference_config conf/decode_asr.yaml \
    "${others[@]}"
