#!/usr/bin/env bash
# Trains and scores rows of the paper's tables, one after the other, each with the recipe's run.sh,
# and after each writes the table of all rows beside the paper's. A stopped run goes on where it
# was, and what rows share (data, tokens, language model, statistics) is done once.
# With --seeds, several models of each row are trained, each in exp/asr_<row>_seed<N>.
# A recipe's run_paper.sh sets known_rows, the rows on its corpus, where it likes default_seeds, and
# sources this file.
# Options are words separated by spaces, so that some expansions below are not quoted.
# shellcheck disable=SC2086,SC2034,SC1091
set -euo pipefail

rows=
rows_dir=
seeds=${default_seeds-}
schedule_loops=5
keep_going=false
# Of these options of run.sh the values are needed here too.
expdir=exp
python=python3
asr_config=
asr_args=
num_loops=
stage=1
stop_stage=10000
skip_train=false
skip_eval=false

help_message=$(cat << EOF
Usage: $0 --rows "<row> ..." [--option value ...]

    --rows            rows to train and score, for instance "B L1", or all
    --rows_dir        folder of other encoder files, each a row, instead of those in conf/encoder
    --seeds           a model of each row for each of these seeds, in ${expdir}/asr_<row>_seed<N>;
                      empty for one model with the seed of its training YAML (${seeds})
    --schedule_loops  rows with a schedule of loops are also decoded at so many; the paper does not
                      say at how many it did. Empty for at their own number only (${schedule_loops})
    --keep_going      go on with the other rows when one fails (${keep_going})

All other options are those of run.sh. The training YAML of a row is that of --asr_config, or else
conf/train_asr_<kind>.yaml, the kind being that of its encoder (transformer, branchformer), or
conf/train_asr.yaml where there is none of its kind.
The table of all rows: ${expdir}/RESULTS_PAPER.md, and the same as JSON.
EOF
)

# shellcheck source=egs2/TEMPLATE/asr1/stage.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/stage.sh"
. ./path.sh
current_stage=-

help=
encoder_config=
asr_tag=
asr_exp=
subset=
own_options="rows rows_dir seeds schedule_loops keep_going"
of_each_row="encoder_config asr_tag asr_exp"
shared_options="expdir python asr_config asr_args num_loops stage stop_stage skip_train skip_eval"
take_options "help ${own_options} ${of_each_row} subset" "$@"
if [ -n "${help}" ]; then
    echo "${help_message}"
    exit 0
fi
for option in ${of_each_row}; do
    [ -z "${!option}" ] || usage_error "--${option}: each row has its own"
done
[ -z "${subset}" ] \
    || usage_error "--subset: the paper's rows learn from the whole corpus; see run.sh"
options=("${others[@]}")
take_options "${shared_options}" "${options[@]}"
read -ra python_words <<< "${python}"

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
for number in ${seeds}; do
    [[ ${number} =~ ^[0-9]+$ ]] || usage_error "--seeds are numbers, for instance \"0 1 2\", not ${number}"
done
[[ ${schedule_loops} =~ ^([1-9][0-9]*)?$ ]] \
    || usage_error "--schedule_loops is a number, or empty, not ${schedule_loops}"
for number in "${stage}" "${stop_stage}"; do
    [[ ${number} =~ ^[0-9]+$ ]] || usage_error "--stage and --stop_stage are numbers, not ${number}"
done
[ -z "${seeds}" ] || [[ " ${asr_args}" != *" --seed"* ]] \
    || usage_error "--asr_args ${asr_args}: name the seeds with --seeds"
[ -n "${rows}" ] || usage_error "--rows is required. Rows: ${known_rows}"
[ "${rows}" != all ] || rows=${known_rows}

declare -A config_of
for row in ${rows}; do
    [[ " ${known_rows} " == *" ${row} "* ]] || usage_error "no row ${row}. Rows: ${known_rows}"
    file=${rows_dir}/${row}.yaml
    [ -e "${file}" ] || usage_error "row ${row}: ${file} does not exist"
    kind=$(sed -n 's/^encoder: *\(latent_recursive_\)\?\([a-z0-9_]*\).*/\2/p' "${file}")
    config_of[${row}]=${asr_config:-conf/train_asr_${kind}.yaml}
    [ -e "${config_of[${row}]}" ] || [ -n "${asr_config}" ] || [ ! -e conf/train_asr.yaml ] \
        || config_of[${row}]=conf/train_asr.yaml
    [ -e "${config_of[${row}]}" ] || usage_error \
        "row ${row}: ${config_of[${row}]} does not exist; name its training YAML with --asr_config"
done

# ---- Rows

write_table() {
    mkdir -p "${expdir}"
    attempt "${python_words[@]}" -m espnet_recursive.bin.paper_results "${expdir}" --rows ${known_rows} \
        --rows_dir "${rows_dir}" > /dev/null
    log "results: ${expdir}/RESULTS_PAPER.md"
}

# stages <first> <last> <run.sh's other options...>: those of these stages that are asked for
stages() {
    local first=$((stage > $1 ? stage : $1)) last=$((stop_stage < $2 ? stop_stage : $2))
    shift 2
    [ ${first} -gt ${last} ] \
        || with_parent ./run.sh "${options[@]}" "$@" --stage ${first} --stop_stage ${last}
}

# model <row> <first stage> <run.sh's options of this model...>: trains and scores it
model() {
    local file=${rows_dir}/$1.yaml first=$2 own
    own=(--asr_config "${config_of[$1]}" --encoder_config "${file}" "${@:3}")
    stages "${first}" 10000 "${own[@]}" || return
    [ -n "${schedule_loops}" ] && [ -z "${num_loops}" ] && [ "${skip_eval}" = false ] \
        && grep -q '^ *loop_policy: *schedule' "${file}" || return 0
    stages 12 13 "${own[@]}" --num_loops "${schedule_loops}" || return
    [ "${stop_stage}" -lt 14 ] || stages "${first}" 10000 "${own[@]}"  # packs the results of both
}

# seed_options <row> <seed>: sets own_options, those of one of several models of a row
seed_options() {
    local of_yaml
    own_options=(--asr_tag "$1_seed$2")
    of_yaml=$(sed -n 's/^seed: *\([0-9]*\).*/\1/p' "${config_of[$1]}")
    # The YAML's own seed needs no argument, with which the training would be another step.
    [ "$2" = "${of_yaml:-0}" ] || own_options+=(--asr_args "${asr_args:+${asr_args} }--seed $2")
}

write_table  # first of all, because it reads the files of all rows
failed=
shared=  # training YAMLs for which all that comes before a training was done
for seed in ${seeds:-none}; do
    for row in ${rows}; do
        name=${row}
        first=1
        own_options=()
        if [ "${seed}" != none ]; then
            name=${row}_seed${seed}
            seed_options "${row}" "${seed}"
            # Data, tokens, language model and statistics do not depend on the seed of a model, but
            # are made anew where arguments of its training differ.
            [ "${skip_train}" = true ] || first=11
            if [ ${first} = 11 ] && [[ " ${shared} " != *" ${config_of[${row}]} "* ]]; then
                log "what the models of ${config_of[${row}]} share"
                stages 1 10 --asr_config "${config_of[${row}]}" \
                    --encoder_config "${rows_dir}/${row}.yaml" --asr_tag "${name}" \
                    || die "what the rows share could not be made. Mend the cause and start again."
                shared+=" ${config_of[${row}]}"
            fi
        fi
        log "row ${name}: ${rows_dir}/${row}.yaml over ${config_of[${row}]}"
        model "${row}" ${first} "${own_options[@]}" || failed+=" ${name}"
        write_table
        [ -z "${failed}" ] || [ "${keep_going}" = true ] || break 2
    done
done
[ -z "${failed}" ] || die "rows that failed:${failed}. Start again: what is finished is kept."
log "finished in ${SECONDS} s"
