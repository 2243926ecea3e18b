#!/usr/bin/env bash
# LibriSpeech, from the archives to a published model. Options are those of asr.sh (./run.sh --help),
# and --subset train_960, train_clean_100 or mini (5 hours, to see it work).
#
#   ./run.sh                                                    the paper's row L1, 960 hours
#   ./run.sh --encoder_config conf/encoder/B.yaml               another row of its tables
#   ./run.sh --asr_config conf/train_asr_branchformer.yaml      a Branchformer, row L5
#   ./run.sh --inference_config conf/decode_asr_fast.yaml --stage 12
#   ./run.sh --local_data_opts "--corpus_dir /corpora/LibriSpeech"    a corpus that is there
#   ./run.sh --subset mini --local_data_opts "--base_url http://mirror/resources"
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# shellcheck source=egs2/TEMPLATE/asr1/stage.sh
. ./stage.sh
called_as=./run.sh
subset=train_960
help=
take_options "subset help" "$@"
if [ -n "${help}" ]; then
    echo "Of this recipe: --subset train_960 (the default), train_clean_100 or mini"
    others+=(--help)
fi

# The language model also learns from the corpus's own text, 800 million words of books.
other_text=data/local/other_text/text
test_sets="test_clean test_other dev_clean dev_other"
case ${subset} in
    train_960) own=(--nbpe 5000) ;;
    train_clean_100)
        own=(--nbpe 5000 --dumpdir dump_100 --expdir exp_100 --token_listdir data/en_token_list_100) ;;
    mini)
        other_text=
        test_sets=test
        # Steps of 100 s of audio (guess): with those for 960 hours an epoch would have eight.
        own=(--nbpe 500 --dumpdir dump_mini --expdir exp_mini --token_listdir data/en_token_list_mini
            --lm_config conf/train_lm_small.yaml --ngpu 1
            --asr_args "--batch_bins 1600000 --scheduler_conf warmup_steps=2000") ;;
    *) usage_error "--subset ${subset}: train_960, train_clean_100 or mini" ;;
esac
train_set=${subset/#mini/train_clean_5}

exec ./asr.sh \
    --lang en --ngpu 4 --nj 32 --inference_nj 32 --skip_packing false \
    --recipe_data_opts "--subset ${subset}" \
    --train_set "${train_set}" --valid_set dev --test_sets "${test_sets}" \
    --max_wav_duration 30 --token_type bpe \
    --bpe_train_text "data/${train_set}/text" \
    --lm_train_text "data/${train_set}/text ${other_text}" \
    --lm_config conf/train_lm_transformer.yaml --asr_config conf/train_asr_transformer.yaml \
    --inference_config conf/decode_asr.yaml \
    "${own[@]}" "${others[@]}"
