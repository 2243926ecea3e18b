#!/usr/bin/env bash
# The rows of PLAN.md: three models of each, and the table of all, with what recursion recovers.
# Options are those of run.sh, and --rows and --seeds; see ./run_paper.sh --help
#
#   ./run_paper.sh --rows "B control L1" --local_data_opts "--corpus_dir /corpora/speechocean762"
#   ./run_paper.sh --rows "B_slim control_slim L1_slim" --asr_config conf/train_asr_cr_ctc.yaml --expdir exp_cr_ctc
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# shellcheck disable=SC2034
known_rows="B control L1 B_slim control_slim L1_slim L1_slim_strides L1_slim_scaled"
# shellcheck disable=SC2034
default_seeds="0 1 2"
# shellcheck source=egs2/TEMPLATE/asr1/paper_rows.sh
. ./paper_rows.sh
