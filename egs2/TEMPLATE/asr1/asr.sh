#!/usr/bin/env bash
# The stages of a recogniser: ESPnet's stage numbers, option names and directories, with what pip
# installs. Bash decides the order; each step is a command that can be used alone. Steps that were
# finished with the same inputs are not done again.
# What its options are, and what they may be: espnet_recursive/recipe/driver. They come as variables
# and, where they are words, as arrays, so that no value is taken apart or looked at by the shell.
# shellcheck disable=SC2154,SC1091
set -euo pipefail

called_as=$0  # what messages and the help name
[ ! -x run.sh ] || called_as=./run.sh
# shellcheck source=egs2/TEMPLATE/asr1/stage.sh
. "$(dirname "$(readlink -f "$0")")/stage.sh"
. ./path.sh
. ./cmd.sh

python=python3
help=
take_options "python help" "$@"
read -ra python_words <<< "${python}"

# ---- What cannot be done is said before anything is

"${python_words[@]}" -c \
    'import importlib.util, sys; sys.exit(importlib.util.find_spec("espnet2") is None)' \
    || die "$(command -v "${python_words[0]}" || echo "${python}, which is not on the PATH,") has no" \
    "ESPnet: run make in the repository, or activate the environment that has it"
# Lines name='value', every value quoted
settings_for_bash() {
    "${python_words[@]}" -m espnet_recursive.bin.asr_options --called_as "${called_as}" "$@" -- \
        --python "${python}" "${others[@]}"
}
variables=$(settings_for_bash ${help:+--help_wanted}) || exit
eval "${variables}"
if [ -n "${help}" ]; then
    printf '%s\n' "${help}"
    exit 0
fi

# ---- A published model takes the place of training

if [ -n "${download_model}" ]; then
    current_stage=download
    log "the model ${download_model}, in ${asr_exp}"
    found=$(attempt "${python_words[@]}" -m espnet_recursive.bin.download_model \
        "${download_model}" "${asr_exp}")
    variables=$(settings_for_bash "--published=${found}") || exit
    eval "${variables}"
fi

# ---- Commands

ours=("${python_words[@]}" -m)
espnet=("${python_words[@]}" -m espnet_recursive.run -m)
run_jobs=("${ours[@]}" espnet_recursive.bin.run_jobs)
array_options=(--max_running "${max_running}" --cluster "${cluster}"
    ${cluster_conf:+--cluster_conf "${cluster_conf}"})
text_options=(--bpemodel "${bpemodel}" --token_type "${token_type}" --token_list "${token_list}"
    --non_linguistic_symbols "${nlsyms_txt}" --cleaner "${cleaner}" --g2p "${g2p}")
# What tells tokens apart, beside the list
token_files=("${token_list}")
[ "${token_type}" != bpe ] || token_files+=("${bpemodel}")

# files_in <value>...: sets `files`, those of the values that are files: what is in them counts, too
files_in() {
    local value
    files=()
    for value in "$@"; do
        [ ! -f "${value#--*=}" ] || files+=("${value#--*=}")
    done
}
files_in "${nlsyms_txt}"
symbol_files=("${files[@]}")
token_files+=("${symbol_files[@]}")

# launched <experiment>: sets `launch`, what stands before a training on several nodes
launched() {
    launch=()
    [ "${num_nodes}" -le 1 ] || launch=("${ours[@]}" espnet_recursive.bin.launch
        --num_nodes "${num_nodes}" --ngpu "${ngpu}" --init_file_prefix "$1/.dist_init_" --)
}

# split <list> <folder> <nj> <option>...: prints for how many jobs there are utterances
split() {
    attempt "${ours[@]}" espnet_recursive.bin.split_scp "$1" "$2" "${@:4}" --nj "$3"
}

need_text() {  # texts are of prepared data, or of stage 1
    case $1 in
        "${data_feats}"/*) need "$1" 4 ;;
        *) [ -e "$1" ] || [ "${data_dir}" = data ] || die "$1 does not exist. Is it a text that only" \
               "the recipe's stage 1 writes? Name others with --lm_train_text or --bpe_train_text."
           need "$1" 1 ;;
    esac
}

# lm_text <name> <text>...: several texts in one, with plain spaces and without empty sentences
lm_text() { attempt "${ours[@]}" espnet_recursive.bin.lm_text "${@:2}" --output "${data_feats}/$1"; }

# add_vocabulary_size <shape file>: ESPnet's batches count tokens times vocabulary
add_vocabulary_size() {
    awk -v n="$(wc -l < "${token_list}")" '{ print $0 "," n }' < "$1" > "$1.$$.part" \
        || { rm -f "$1.$$.part"; return 1; }
    mv "$1.$$.part" "$1.${token_type}"
}

# collect_stats <lm|asr> <folder> <list for training> <list for validation> <name of the latter's parts>
#     <input>... -- <arguments of the training> ++ <those of which only `settings` counts>
# collects shapes and statistics, and joins those of the jobs.
collect_stats() {
    local task=$1 dir=$2 train=$3 valid=$4 name=$5 logdir=$2/logdir inputs=() jobs i part
    shift 5
    while [ "$1" != -- ]; do inputs+=("$1"); shift; done
    shift
    jobs=$(split "${train}" "${logdir}" "${nj}" --name train)
    jobs=$(split "${valid}" "${logdir}" "${jobs}" --name "${name}")
    split "${train}" "${logdir}" "${jobs}" --name train > /dev/null
    for ((i = 1; i <= $#; i++)); do [ "${!i}" != ++ ] || break; done
    step "${dir}/.done.collect" "${inputs[@]}" -- \
        "${run_jobs[@]}" --log "${logdir}/stats.JOB.log" --nj "${jobs}" "${array_options[@]}" -- \
        "${espnet[@]}" "espnet2.bin.${task}_train" --collect_stats true "${@:1:i-1}" \
        --train_shape_file "${logdir}/train.JOB.scp" --valid_shape_file "${logdir}/${name}.JOB.scp" \
        --output_dir "${logdir}/stats.JOB" --ngpu 0 "${@:i}"
    settings=
    local dirs=()
    for ((i = 1; i <= jobs; i++)); do dirs+=(--input_dir "${logdir}/stats.${i}"); done
    step "${dir}/.done.aggregate" "${dir}/.done.collect" -- \
        "${run_jobs[@]}" --log "${dir}/aggregate.log" -- \
        "${espnet[@]}" espnet2.bin.aggregate_stats_dirs "${dirs[@]}" --output_dir "${dir}"
    for part in train valid; do add_vocabulary_size "${dir}/${part}/text_shape"; done
}

# settings_of <statistics|model> <YAML, or empty> <argument>...: what of them matters to those
settings_of() {
    [ -z "$2" ] || [ -e "$2" ] || return 0  # the command that needs it will say so
    attempt "${ours[@]}" espnet_recursive.bin.settings_of ${2:+--config "$2"} "$1" "${@:3}"
}

# same_tokens <experiment> <option>: a model that is there must have been trained with these tokens
same_tokens() {
    [ ! -e "$1/checkpoint.pth" ] || attempt "${ours[@]}" espnet_recursive.bin.check_tokens "$1" \
        --token_list "${token_list}" --token_type "${token_type}" --nbpe "${nbpe}" --option "$2"
}

# ---- Mistakes in configurations are found before data are prepared for hours

current_stage=config
if [ "${stage}" -le 11 ] && [ "${skip_train}" = false ]; then
    laid_over=(${feats_frontend:+--frontend "${feats_frontend}"})
    [ "${stats_config}" = "${asr_config}" ] || attempt "${ours[@]}" espnet_recursive.bin.train_config \
        --config "${asr_config}" "${laid_over[@]}" --output "${stats_config}"
    laid_over+=(${encoder_config:+--encoder_config "${encoder_config}"})
    [ -z "${asr_config}" ] || attempt "${ours[@]}" espnet_recursive.bin.train_config \
        --config "${asr_config}" "${laid_over[@]}" --output "${train_config}"
    log "checking the configurations"
    ! in_range 7 || same_tokens "${lm_exp}" lm_tag
    ! in_range 11 || same_tokens "${asr_exp}" asr_tag
    gpus_here=0  # those needed on this machine, which need not be one of several that train
    if { in_range 7 || in_range 11; } && [ "${num_nodes}" -le 1 ]; then gpus_here=${ngpu}; fi
    checked=()
    ! in_range 12 || checked+=(${inference_config:+--inference_config "${inference_config}"}
        "--inference_args=${quoted_inference_args}")
    [ -z "${train_config}" ] || checked+=(--asr_config "${train_config}")
    checked+=("--asr_args=${quoted_asr_args}")
    [ "${feats_type}" != raw ] || checked+=(--fs "${fs}")
    [ "${use_lm}" = false ] || checked+=(${lm_config:+--lm_config "${lm_config}"})
    step "${asr_exp}/.done.check" ${train_config:+"${train_config}"} ${lm_config:+"${lm_config}"} \
        ${inference_config:+"${inference_config}"} -- \
        "${ours[@]}" espnet_recursive.bin.check_config "${checked[@]}" \
        "--lm_args=${quoted_lm_args}" --ngpu "${gpus_here}"
fi

# ---- Stages

if in_range 1; then
    begin_stage 1 "Data preparation for data/${train_set}, data/${valid_set}, ..."
    [ -e local/data.sh ] || die "local/data.sh, the data preparation of a recipe, is not here"
    step data/.done.data local/data.sh -- local/data.sh \
        "${recipe_data_opts[@]}" "${local_data_opts[@]}"
fi

# source_of <data set>: its directory; that of copies at other speeds is not in --data_dir
source_of() {
    if [ -n "${sp}" ] && [ "$1" = "${train_set}" ]; then echo "data/$1"; else echo "${data_dir}/$1"; fi
}
need_data() {  # need_data <data set>
    local table file
    for table in "${scp}" text utt2spk; do
        file=$(source_of "$1")/${table}
        if [ -n "${sp}" ] && [ "$1" = "${train_set}" ]; then
            need "${file}" 2
        elif [ "${data_dir}" = data ]; then
            need "${file}" 1
        else
            [ -e "${file}" ] || die "${file} does not exist. --data_dir is the folder of the data" \
                "directories ${original_set}, ${valid_set}$(printf ', %s' "${test_sets[@]}"), each with" \
                "${scp}, text and utt2spk. Other names: --train_set, --valid_set, --test_sets."
        fi
    done
}

# tables_of <data directory>: sets `tables`
tables_of() {
    local table
    tables=()
    for table in "${scp}" text utt2spk segments; do
        [ "${table}" = segments ] && [ ! -e "$1/segments" ] || tables+=("$1/${table}")
    done
}
format_audio=("${ours[@]}" espnet_recursive.bin.format_audio --fs "${fs}"
    --audio_format "${audio_format}" --nj "$((nj < max_running ? nj : max_running))")

if in_range 2; then
    begin_stage 2 "Speeds ${speed_perturb_factors[*]} of ${original_set}: data/${train_set}"
    need_data "${original_set}"
    source=${data_dir}/${original_set}
    perturb=("${ours[@]}" espnet_recursive.bin.perturb_speed)
    if [ "${feats_type}" = raw ]; then
        audio=${dumpdir}/perturbed/${original_set}
        if [ -e "${source}/segments" ] || [ -n "${channel}" ]; then  # utterances first, in files
            tables_of "${source}"
            step "${audio}/.done.utterances" "${tables[@]}" -- \
                "${format_audio[@]}" ${channel:+--channel "${channel}"} \
                "${source}" "${audio}/utterances"
            source=${audio}/utterances
        fi
        logdir=${audio}/logdir
        jobs=$(split "${source}/wav.scp" "${logdir}" "${nj}" --name wav)
        step "${audio}/.done.audio" "${source}/wav.scp" -- \
            "${run_jobs[@]}" --log "${logdir}/perturb.JOB.log" --nj "${jobs}" "${array_options[@]}" -- \
            "${perturb[@]}" audio "${logdir}/wav.JOB.scp" \
            --factors "${speed_perturb_factors[@]}" --audio_dir "${audio}/data"
        step "data/${train_set}/.done.perturb" "${audio}/.done.audio" "${source}"/{text,utt2spk} -- \
            "${perturb[@]}" data "${source}" "data/${train_set}" \
            --factors "${speed_perturb_factors[@]}" --audio_dir "${audio}/data"
    else
        step "data/${train_set}/.done.perturb" "${source}"/{feats.scp,text,utt2spk} -- \
            "${perturb[@]}" cepstra "${source}" "data/${train_set}" \
            --factors "${speed_perturb_factors[@]}" --cepstra "${cepstra[@]}"
    fi
fi

if in_range 3; then
    if [ "${feats_type}" = raw ]; then
        begin_stage 3 "Audio as ${fs} ${audio_format} in ${data_feats}"
        format=("${format_audio[@]}")
    else
        begin_stage 3 "Features in ${data_feats}"
        format=("${ours[@]}" espnet_recursive.bin.format_feats)
    fi
    ! cmp -s "${data_dir}/${original_set}/text" "${data_dir}/${valid_set}/text" \
        || die "${data_dir}/${original_set} and ${data_dir}/${valid_set} are the same data:" \
        "a validation set that is trained on cannot tell when a model is good"
    mapfile -t dsets < <(printf '%s\n' "${train_set}" "${valid_set}" "${test_sets[@]}" | awk '!seen[$0]++')
    for dset in "${dsets[@]}"; do need_data "${dset}"; done  # all, before hours go into the first
    for dset in "${dsets[@]}"; do
        source=$(source_of "${dset}")
        target=${data_feats}/${dset}
        case ${dset} in "${train_set}"|"${valid_set}") target=${data_feats}/org/${dset} ;; esac
        choice=(${channel:+--channel "${channel}"})
        [ -z "${sp}" ] || [ "${dset}" != "${train_set}" ] || choice=()  # taken in stage 2
        tables_of "${source}"
        step "${target}/.done.format" "${tables[@]}" -- \
            "${format[@]}" "${choice[@]}" "${source}" "${target}"
    done
fi

if in_range 4; then
    begin_stage 4 "Utterances of ${min_wav_duration} to ${max_wav_duration} s with a text"
    for dset in "${train_set}" "${valid_set}"; do
        need "${data_feats}/org/${dset}/${scp}" 3
        step "${data_feats}/${dset}/.done.filter" "${data_feats}/org/${dset}"/{"${scp}",text} -- \
            "${ours[@]}" espnet_recursive.bin.filter_utterances \
            "${data_feats}/org/${dset}" "${data_feats}/${dset}" \
            --fs "${rate}" --min_seconds "${min_wav_duration}" --max_seconds "${max_wav_duration}"
    done
fi

if in_range 5; then
    begin_stage 5 "Tokens: ${token_list}"
    for text in "${bpe_train_text[@]}"; do need_text "${text}"; done
    if [ "${token_type}" = bpe ]; then
        files_in "${bpe_nlsyms}"
        step "${token_listdir}/.done.bpe_${bpemode}${nbpe}" "${bpe_train_text[@]}" "${files[@]}" -- \
            "${ours[@]}" espnet_recursive.bin.token_list "${bpe_train_text[@]}" \
            --output_dir "${bpedir}" --nbpe "${nbpe}" --bpemode "${bpemode}" \
            --bpe_char_cover "${bpe_char_cover}" \
            --bpe_input_sentence_size "${bpe_input_sentence_size}" --bpe_nlsyms "${bpe_nlsyms}"
    else
        for text in "${lm_train_text[@]}"; do need_text "${text}"; done
        lm_text lm_train.txt "${lm_train_text[@]}"
        text=${data_feats}/lm_train.txt
        step "${token_listdir}/.done.${token_type}" "${text}" "${symbol_files[@]}" -- \
            "${run_jobs[@]}" --log "${token_listdir}/${token_type}/tokens.log" -- \
            "${espnet[@]}" espnet2.bin.tokenize_text --token_type "${token_type}" --input "${text}" \
            --output "${token_list}" --non_linguistic_symbols "${nlsyms_txt}" --field 2- \
            --cleaner "${cleaner}" --g2p "${g2p}" --write_vocabulary true \
            --add_symbol "<blank>:0" --add_symbol "<unk>:1" --add_symbol "<sos/eos>:-1"
    fi
fi

lm_data=(--use_preprocessor true "${text_options[@]}"
    --train_data_path_and_name_and_type "${data_feats}/lm_train.txt,text,text"
    --valid_data_path_and_name_and_type "${data_feats}/lm_dev.txt,text,text")

if in_range 6; then
    begin_stage 6 "LM statistics: ${lm_stats_dir}"
    need "${token_list}" 5
    for text in "${lm_train_text[@]}" "${lm_dev_text}"; do need_text "${text}"; done
    lm_text lm_train.txt "${lm_train_text[@]}"
    lm_text lm_dev.txt "${lm_dev_text}"
    settings=$(settings_of statistics "${lm_config}" "${lm_args[@]}")
    collect_stats lm "${lm_stats_dir}" "${data_feats}/lm_train.txt" "${data_feats}/lm_dev.txt" dev \
        "${data_feats}"/{lm_train,lm_dev}.txt "${token_files[@]}" -- \
        "${lm_data[@]}" ++ ${lm_config:+--config "${lm_config}"} "${lm_args[@]}"
fi

if in_range 7; then
    begin_stage 7 "LM training: ${lm_exp}"
    need "${lm_stats_dir}/train/text_shape.${token_type}" 6
    same_tokens "${lm_exp}" lm_tag
    launched "${lm_exp}"
    files_in "${lm_args[@]}"
    step "${lm_exp}/.done.train" "${lm_stats_dir}/train/text_shape" ${lm_config:+"${lm_config}"} \
        "${data_feats}"/{lm_train,lm_dev}.txt "${token_files[@]}" "${files[@]}" -- \
        "${run_jobs[@]}" --log "${lm_exp}/train.log" --progress training -- \
        "${launch[@]}" "${espnet[@]}" espnet2.bin.lm_train --ngpu "${ngpu}" "${lm_data[@]}" \
        --train_shape_file "${lm_stats_dir}/train/text_shape.${token_type}" \
        --valid_shape_file "${lm_stats_dir}/valid/text_shape.${token_type}" \
        --fold_length "${lm_fold_length}" --resume true --output_dir "${lm_exp}" \
        ${lm_config:+--config "${lm_config}"} "${lm_args[@]}"
fi

if in_range 8; then
    begin_stage 8 "LM perplexity of ${lm_test_text}"
    need "${lm_exp}/${inference_lm}" 7
    lm_text lm_test.txt "${lm_test_text}"
    settings=$(settings_of model "${lm_exp}/config.yaml")
    step "${lm_exp}/perplexity_test/.done.perplexity" \
        "${data_feats}/lm_test.txt" "${lm_exp}/${inference_lm}" -- \
        "${run_jobs[@]}" --log "${lm_exp}/perplexity_test/lm_calc_perplexity.log" -- \
        "${espnet[@]}" espnet2.bin.lm_calc_perplexity --ngpu 0 \
        --data_path_and_name_and_type "${data_feats}/lm_test.txt,text,text" \
        --train_config "${lm_exp}/config.yaml" --model_file "${lm_exp}/${inference_lm}" \
        --output_dir "${lm_exp}/perplexity_test"
    settings=
    log "PPL: $(cat "${lm_exp}/perplexity_test/ppl")"
fi

# asr_options_of_data: sets `asr_data`, what statistics and training have in common
asr_options_of_data() {
    local part dset
    asr_data=(--use_preprocessor true "${text_options[@]}")
    if [ "${feats_type}" = raw ]; then
        asr_data+=(--frontend_conf "fs=${fs}")
    else  # features need no frontend; how many there are in a frame is known after stage 3
        asr_data+=(--input_size "$(cat "${data_feats}/${train_set}/feats_dim")")
    fi
    for part in train valid; do
        dset=${part}_set
        asr_data+=("--${part}_data_path_and_name_and_type"
            "${data_feats}/${!dset}/${scp},speech,${scp_type}"
            "--${part}_data_path_and_name_and_type" "${data_feats}/${!dset}/text,text,text")
    done
}

if in_range 10; then
    begin_stage 10 "Statistics: ${asr_stats_dir}"
    need "${token_list}" 5
    for dset in "${train_set}" "${valid_set}"; do need "${data_feats}/${dset}/${scp}" 4; done
    asr_options_of_data
    settings=$(settings_of statistics "${stats_config}" "${asr_args[@]}")
    collect_stats asr "${asr_stats_dir}" "${data_feats}/${train_set}/${scp}" \
        "${data_feats}/${valid_set}/${scp}" valid "${data_feats}/${train_set}"/{"${scp}",text} \
        "${data_feats}/${valid_set}"/{"${scp}",text} "${token_files[@]}" -- \
        "${asr_data[@]}" ++ ${stats_config:+--config "${stats_config}"} "${asr_args[@]}"
fi

if in_range 11; then
    begin_stage 11 "Training: ${asr_exp}, log ${asr_exp}/train.log"
    need "${asr_stats_dir}/train/text_shape.${token_type}" 10
    same_tokens "${asr_exp}" asr_tag
    asr_options_of_data
    launched "${asr_exp}"
    normalize=(--normalize "${feats_normalize}")
    inputs=()
    if [ "${feats_normalize}" = global_mvn ]; then
        inputs=("${asr_stats_dir}/train/feats_stats.npz")
        normalize+=(--normalize_conf "stats_file=${inputs[0]}")
    fi
    for file in "${pretrained_model[@]}"; do  # <file>:<part of it>:<part of the model>
        [ ! -e "${file%%:*}" ] || inputs+=("${file%%:*}")
    done
    files_in "${asr_args[@]}"
    inputs+=("${files[@]}")
    # Earlier versions passed the frames of --asr_speech_fold_length where ESPnet counts samples.
    formerly="s/ --fold_length ${speech_fold_length} / --fold_length ${asr_speech_fold_length} /"
    step "${asr_exp}/.done.train" ${train_config:+"${train_config}"} \
        "${asr_stats_dir}"/train/{speech_shape,text_shape} "${data_feats}/${train_set}"/{"${scp}",text} \
        "${data_feats}/${valid_set}"/{"${scp}",text} "${token_files[@]}" "${inputs[@]}" -- \
        "${run_jobs[@]}" --log "${asr_exp}/train.log" --progress training -- \
        "${launch[@]}" "${espnet[@]}" espnet2.bin.asr_train --ngpu "${ngpu}" "${asr_data[@]}" \
        "${normalize[@]}" \
        --train_shape_file "${asr_stats_dir}/train/speech_shape" \
        --train_shape_file "${asr_stats_dir}/train/text_shape.${token_type}" \
        --valid_shape_file "${asr_stats_dir}/valid/speech_shape" \
        --valid_shape_file "${asr_stats_dir}/valid/text_shape.${token_type}" \
        --fold_length "${speech_fold_length}" --fold_length "${asr_text_fold_length}" \
        --resume true ${pretrained_model:+--init_param "${pretrained_model[@]}"} \
        --ignore_init_mismatch "${ignore_init_mismatch}" --output_dir "${asr_exp}" \
        ${train_config:+--config "${train_config}"} "${asr_args[@]}"
    formerly=
fi

lm_files=()  # of decodings and packs
[ "${use_lm}" = false ] || lm_files=("${lm_exp}/config.yaml" "${lm_exp}/${inference_lm}")
lm_options=(${lm_files:+--lm_train_config "${lm_files[0]}" --lm_file "${lm_files[1]}"})

if in_range 12; then
    begin_stage 12 "Decoding with ${asr_exp}/${inference_asr_model}"
    need "${asr_exp}/${inference_asr_model}" 11
    models=$(settings_of model "${asr_exp}/config.yaml")
    inputs=("${asr_exp}/${inference_asr_model}" ${inference_config:+"${inference_config}"})
    if [ "${use_lm}" = true ]; then
        need "${lm_files[1]}" 7
        models+=" $(settings_of model "${lm_files[0]}")"
        inputs+=("${lm_files[1]}")
    fi
    [ ! -e "${bpemodel}" ] || inputs+=("${bpemodel}")
    files_in "${inference_args[@]}"
    inputs+=("${files[@]}")
    gpus=()  # of this machine, dealt out to its jobs; a batch system deals out its own
    [ "${gpu_inference}" = false ] || [ "${cluster}" != local ] || gpus=(--gpus "${ngpu}")
    for dset in "${test_sets[@]}"; do
        data=${data_feats}/${dset}
        dir=${asr_exp}/${inference_tag}/${dset}
        log "Decoding of ${dset}: ${dir}"
        need "${data}/${scp}" 3
        jobs=$(split "${data}/${scp}" "${dir}/logdir" "${inference_nj}" --longest_first)
        settings=${models}
        step "${dir}/.done.decode" "${data}/${scp}" "${inputs[@]}" -- \
            "${run_jobs[@]}" --log "${dir}/logdir/asr_inference.JOB.log" --nj "${jobs}" \
            "${array_options[@]}" "${gpus[@]}" --progress utterances \
            --total "$(wc -l < "${data}/${scp}")" -- \
            "${ours[@]}" espnet_recursive.bin.asr_inference --batch_size "${batch_size}" \
            --ngpu "$([ "${gpu_inference}" = true ] && echo 1 || echo 0)" \
            --data_path_and_name_and_type "${dir}/logdir/keys.JOB.scp,speech,${scp_type}" \
            --output_dir "${dir}/logdir/output.JOB" \
            --asr_train_config "${asr_exp}/config.yaml" \
            --asr_model_file "${asr_exp}/${inference_asr_model}" "${lm_options[@]}" \
            ${inference_config:+--config "${inference_config}"} "${depth_options[@]}" \
            "${inference_args[@]}"
        settings=
        step "${dir}/.done.join" "${dir}/.done.decode" -- \
            "${ours[@]}" espnet_recursive.bin.join_decoding \
            "${data}/${scp}" "${dir}/logdir" "${dir}" --fs "${rate}"
        cat "${dir}/rtf.txt"
    done
fi

if in_range 13; then
    begin_stage 13 "Scoring"
    units=()
    [ "${token_type}" != bpe ] || units=(--bpemodel "${bpemodel}")
    for dset in "${test_sets[@]}"; do
        dir=${asr_exp}/${inference_tag}/${dset}
        need "${dir}/text" 12
        step "${dir}/.done.score" "${data_feats}/${dset}/text" "${dir}/text" ${units[1]+"${units[1]}"} \
            "${symbol_files[@]}" -- \
            "${ours[@]}" espnet_recursive.bin.score "${data_feats}/${dset}" "${dir}" \
            --nlsyms_txt "${nlsyms_txt}" --cleaner "${cleaner}" "${units[@]}"
    done
    attempt "${ours[@]}" espnet_recursive.bin.results "${asr_exp}" > /dev/null
    log "results: ${asr_exp}/RESULTS.md"
fi

if in_range 14; then
    begin_stage 14 "Packing: ${packed_model}"
    need "${asr_exp}/${inference_asr_model}" 11
    need "${asr_exp}/RESULTS.md" 13
    pack_options=(--option "${asr_exp}/RESULTS.md" --option "${asr_exp}/RESULTS.json"
        --dataset "$(basename "$(dirname "${PWD}")")"
        ${inference_config:+--inference_config "${inference_config}"})
    [ "${lang}" = noinfo ] || pack_options+=(--lang "${lang}")
    inputs=("${asr_exp}/config.yaml" "${lm_files[@]}" ${inference_config:+"${inference_config}"})
    [ ! -e "${bpemodel}" ] || inputs+=("${bpemodel}")
    step "${asr_exp}/.done.pack" "${asr_exp}/${inference_asr_model}" "${asr_exp}/RESULTS.md" \
        "${inputs[@]}" -- \
        "${run_jobs[@]}" --log "${asr_exp}/pack.log" -- "${ours[@]}" espnet_recursive.bin.pack \
        --asr_train_config "${asr_exp}/config.yaml" \
        --asr_model_file "${asr_exp}/${inference_asr_model}" "${pack_options[@]}" "${lm_options[@]}" \
        --outpath "${packed_model}"
    log "packed: ${packed_model}"
fi

if in_range 15; then
    begin_stage 15 "Upload to ${hf_repo}"
    need "${packed_model}" 14
    attempt "${ours[@]}" espnet_recursive.bin.upload "${packed_model}" --hf_repo "${hf_repo}" \
        --dry_run "${upload_dry_run}"
fi
current_stage=-
log "finished in ${SECONDS} s"
