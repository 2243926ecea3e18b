#!/usr/bin/env bash
# Trains and scores rows of the paper's tables, one after the other, each with the recipe's run.sh,
# and after each writes the table of all rows beside the paper's. A stopped run goes on where it
# was, and what rows share (data, tokens, language model, statistics) is done once.
# A recipe's run_paper.sh sets known_rows, the rows on its corpus, and sources this file.
# Options are words separated by spaces, so that some expansions below are not quoted.
# shellcheck disable=SC2086,SC2034,SC1091
set -euo pipefail

rows=
rows_dir=
keep_going=false
# Of these options of run.sh the values are needed here too.
expdir=exp
python=python3
asr_config=

help_message=$(cat << EOF
Usage: $0 --rows "<row> ..." [--option value ...]

    --rows        rows to train and score, for instance "B L1", or all
    --rows_dir    folder of other encoder files, each a row, instead of the paper's in conf/encoder
    --keep_going  go on with the other rows when one fails (${keep_going})

All other options are those of run.sh. The training YAML of a row is conf/train_asr_<kind>.yaml, the
kind being that of its encoder (transformer, branchformer), or that of --asr_config.
The table of all rows: ${expdir}/RESULTS_PAPER.md, and the same as JSON.
EOF
)

# shellcheck source=egs2/TEMPLATE/asr1/stage.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/stage.sh"
. ./path.sh
current_stage=-
trap 'exit 130' INT

options=()
while [ $# -gt 0 ]; do
    case $1 in
        -h|--help) echo "${help_message}"; exit 0 ;;
        --*) name=${1#--}; name=${name//-/_} ;;
        *) usage_error "expected --name value, found: $1" ;;
    esac
    [ $# -ge 2 ] || usage_error "--${name} needs a value"
    case ${name} in
        rows|rows_dir|keep_going) printf -v "${name}" '%s' "$2" ;;
        encoder_config|asr_tag|asr_exp) usage_error "--${name}: each row has its own" ;;
        subset) usage_error "--subset: the paper's rows learn from the whole corpus; see run.sh" ;;
        expdir|python|asr_config) printf -v "${name}" '%s' "$2"; options+=("--${name}" "$2") ;;
        *) options+=("--${name}" "$2") ;;
    esac
    shift 2
done

# ---- What cannot be done is said before anything is

if [ -n "${rows_dir}" ]; then
    [ -d "${rows_dir}" ] || usage_error "--rows_dir ${rows_dir} does not exist"
    known_rows=
fi
: "${rows_dir:=conf/encoder}"
if [ -z "${known_rows-}" ]; then
    known_rows=$(cd "${rows_dir}" && printf '%s ' *.yaml | sed 's/\.yaml / /g; s/ $//')
fi
case ${keep_going} in true|false) ;; *) usage_error "--keep_going is true or false" ;; esac
[ -n "${rows}" ] || usage_error "--rows is required. Rows: ${known_rows}"
[ "${rows}" != all ] || rows=${known_rows}

declare -A config_of
for row in ${rows}; do
    [[ " ${known_rows} " == *" ${row} "* ]] || usage_error "no row ${row}. Rows: ${known_rows}"
    file=${rows_dir}/${row}.yaml
    [ -e "${file}" ] || usage_error "row ${row}: ${file} does not exist"
    kind=$(sed -n 's/^encoder: *\(latent_recursive_\)\?\([a-z0-9_]*\).*/\2/p' "${file}")
    config_of[${row}]=${asr_config:-conf/train_asr_${kind}.yaml}
    [ -e "${config_of[${row}]}" ] || usage_error \
        "row ${row}: ${config_of[${row}]} does not exist; name its training YAML with --asr_config"
done

# ---- Rows

write_table() {
    mkdir -p "${expdir}"
    attempt ${python} -m espnet_recursive.bin.paper_results "${expdir}" --rows ${known_rows} \
        --rows_dir "${rows_dir}" > /dev/null
    log "results: ${expdir}/RESULTS_PAPER.md"
}

write_table  # first of all, because it reads the files of all rows
failed=
for row in ${rows}; do
    log "row ${row}: ${rows_dir}/${row}.yaml over ${config_of[${row}]}"
    if ! with_parent ./run.sh "${options[@]}" --asr_config "${config_of[${row}]}" \
        --encoder_config "${rows_dir}/${row}.yaml"; then
        failed+=" ${row}"
    fi
    write_table
    [ -z "${failed}" ] || [ "${keep_going}" = true ] || break
done
[ -z "${failed}" ] || die "rows that failed:${failed}. Start again: what is finished is kept."
log "finished in ${SECONDS} s"
