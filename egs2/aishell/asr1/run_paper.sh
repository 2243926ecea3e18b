#!/usr/bin/env bash
# The paper's rows on AISHELL-1: its part of Table 3.
# Options are those of run.sh, and --rows; see ./run_paper.sh --help
#
#   ./run_paper.sh --rows "B2 L4"
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# shellcheck disable=SC2034
known_rows="B2 L4"
# shellcheck source=egs2/TEMPLATE/asr1/paper_rows.sh
. ./paper_rows.sh
