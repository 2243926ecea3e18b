#!/usr/bin/env bash
# The paper's rows at half their blocks, on AN4: three models of each, and the table of all.
# Options are those of run.sh, and --rows and --seeds; see ./run_paper.sh --help
#
#   ./run_paper.sh --rows "B L1" --local_data_opts "--corpus_dir /corpora/an4"
#   ./run_paper.sh --rows all --seeds 0 --keep_going true --local_data_opts "..."
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# shellcheck disable=SC2034
known_rows="B R1 R2 R3 R4 L1 L2 L3 loops_1 loops_2 loops_10 loops_20 loops_length loops_schedule B3 L5"
# shellcheck disable=SC2034
default_seeds="0 1 2"
# shellcheck source=egs2/TEMPLATE/asr1/paper_rows.sh
. ./paper_rows.sh
