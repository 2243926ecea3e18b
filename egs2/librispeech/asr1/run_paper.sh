#!/usr/bin/env bash
# The paper's rows on LibriSpeech: Tables 1 and 2, and its part of Table 3 (L = 5 of Table 2 is L1).
# Options are those of run.sh, and --rows; see ./run_paper.sh --help
#
#   ./run_paper.sh --rows "B L1"
#   ./run_paper.sh --rows all --ngpu 8 --keep_going true
#   ./run_paper.sh --rows loops_schedule                     decoded at 20 loops, and at 5
#   ./run_paper.sh --rows "B L1" --seeds "0 1 2"             three models of each row
#   ./run_paper.sh --rows all --stage 12 --inference_config conf/decode_asr_fast.yaml
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# shellcheck disable=SC2034
known_rows="B R1 R2 R3 R4 L1 L2 L3 loops_1 loops_2 loops_10 loops_20 loops_length loops_schedule B3 L5"
# shellcheck source=egs2/TEMPLATE/asr1/paper_rows.sh
. ./paper_rows.sh
