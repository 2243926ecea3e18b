#!/usr/bin/env bash
# The stages of a recogniser: ESPnet's stage numbers, option names and directories, with what pip
# installs. Bash decides the order; each step is a command that can be used alone. Steps that were
# finished with the same inputs are not done again.
# Options are words separated by spaces, as in ESPnet, so many expansions below are not quoted.
# shellcheck disable=SC2086,SC2046,SC2034,SC1091
set -euo pipefail

# General configuration
stage=1
stop_stage=10000
skip_stages=
skip_data_prep=false
skip_train=false
skip_eval=false
skip_packing=true
skip_upload_hf=true
ngpu=1
num_nodes=1
nj=32
inference_nj=32
gpu_inference=false
dumpdir=dump
expdir=exp
python=python3
cluster=local
cluster_conf=

# Data
local_data_opts=
recipe_data_opts=
data_dir=
speed_perturb_factors=
feats_type=raw
audio_format=flac
fs=16k
channel=
frames_per_second=100
cepstra=
min_wav_duration=0.1
max_wav_duration=20

# Tokens
token_listdir=
token_type=bpe
nbpe=30
bpemode=unigram
bpe_nlsyms=
bpe_input_sentence_size=100000000
bpe_char_cover=1.0

# Language model
use_lm=true
use_ngram=false
ngram_num=3
lm_tag=
lm_exp=
lm_stats_dir=
lm_config=
lm_args=

# Recogniser
asr_task=asr
asr_tag=
asr_exp=
asr_stats_dir=
asr_config=
encoder_config=
asr_args=
pretrained_model=
ignore_init_mismatch=false
feats_normalize=global_mvn

# Decoding
batch_size=8
inference_tag=
inference_config=
inference_args=
inference_lm=valid.loss.ave.pth
inference_asr_model=valid.acc.ave.pth
num_loops=
loop_exit=
loop_exit_threshold=
loop_exit_min=
download_model=
hf_repo=
upload_dry_run=true

# What local/data.sh made
train_set=
valid_set=
test_sets=
bpe_train_text=
lm_train_text=
lm_dev_text=
lm_test_text=
nlsyms_txt=none
cleaner=none
g2p=none
lang=noinfo
score_opts=
asr_speech_fold_length=800
asr_text_fold_length=150
lm_fold_length=150

help_message() {
    cat << EOF
Usage: ${called_as} [--option value ...]

Values in brackets hold without the option; what a recipe's run.sh sets is among them.
Stages: 1 data, 2 speed perturbation, 3 audio format, 4 filtering, 5 tokens, 6 LM statistics,
7 LM training, 8 LM perplexity, 9 n-gram, 10 statistics, 11 training, 12 decoding, 13 scoring,
14 packing, 15 upload. Not there: 9.

General
    --stage           first stage (${stage})
    --stop_stage      last stage (${stop_stage})
    --skip_stages     stages to leave out, "6 7 8"
    --skip_data_prep  leave out 1-5 (${skip_data_prep})
    --skip_train      leave out 2, 4-11 (${skip_train})
    --skip_eval       leave out 12-13 (${skip_eval})
    --skip_packing    leave out 14 (${skip_packing})
    --skip_upload_hf  leave out 15 (${skip_upload_hf})
    --ngpu            GPUs for training, on each machine; 0 is the CPU (${ngpu})
    --num_nodes       machines for training, in a Slurm allocation; see train.sbatch (${num_nodes})
    --nj              jobs for data and statistics (${nj})
    --inference_nj    jobs for decoding (${inference_nj})
    --gpu_inference   decode on GPUs, --ngpu of them on this machine (${gpu_inference})
    --dumpdir         prepared data (${dumpdir})
    --expdir          experiments (${expdir})
    --python          how to start Python (${python})
    --cluster         where job arrays run: local, slurm, pbs, sge, lsf, ... (${cluster})
    --cluster_conf    YAML with what jobs ask for on that cluster, as dask-jobqueue reads it
Data
    --local_data_opts        options for local/data.sh
    --recipe_data_opts       those that the recipe's run.sh sets itself
    --data_dir               folder of prepared data directories, which are used as they are: without
                             stage 1
    --speed_perturb_factors  "0.9 1.0 1.1": train on copies of other speeds, written as files; of
                             extracted features where they are --cepstra
    --feats_type             raw: audio; extracted: features in feats.scp (${feats_type})
    --audio_format           flac or wav (${audio_format})
    --fs                     sampling rate (${fs})
    --channel                which channel of recordings with several: 1, 2, ..., or mean; without it,
                             such recordings are refused
    --frames_per_second      of extracted features (${frames_per_second})
    --cepstra                what extracted features are, where they are cepstra, so that their speed can
                             be changed: coefficients, mel filters, lowest and highest Hz (${cepstra})
    --min_wav_duration       training utterances are longer, in seconds (${min_wav_duration})
    --max_wav_duration       training utterances are shorter, in seconds (${max_wav_duration})
Tokens
    --token_listdir            directory of the token lists (data/<lang>_token_list)
    --token_type               bpe, char or word (${token_type})
    --nbpe                     size of the subword vocabulary (${nbpe})
    --bpemode                  unigram or bpe (${bpemode})
    --bpe_nlsyms               symbols that are never split, separated by commas, or a file of them
    --bpe_input_sentence_size  sentences that sentencepiece reads at most (${bpe_input_sentence_size})
    --bpe_char_cover           share of the characters covered (${bpe_char_cover})
Language model
    --use_lm        train one and decode with it (${use_lm})
    --use_ngram     not there (${use_ngram})
    --ngram_num     order of the n-gram (${ngram_num})
    --lm_tag        name of its experiment
    --lm_exp        directory of its experiment; lm_tag is ignored then
    --lm_stats_dir  directory of its statistics
    --lm_config     training YAML (${lm_config})
    --lm_args       further arguments for lm_train
Recogniser
    --asr_task              asr (${asr_task})
    --asr_tag               name of the experiment
    --asr_exp               directory of the experiment; asr_tag is ignored then
    --asr_stats_dir         directory of the statistics
    --asr_config            training YAML (${asr_config})
    --encoder_config        YAML with encoder and encoder_conf, laid over asr_config
    --asr_args              further arguments for asr_train
    --pretrained_model      weights to start from, as --init_param of asr_train
    --ignore_init_mismatch  whether their shapes may differ (${ignore_init_mismatch})
    --feats_normalize       global_mvn or utterance_mvn (${feats_normalize})
Decoding
    --batch_size           utterances decoded together (${batch_size})
    --inference_tag        name of the decoding
    --inference_config     decoding YAML (${inference_config})
    --inference_args       further arguments for asr_inference
    --inference_lm         weights of the language model (${inference_lm})
    --inference_asr_model  weights of the recogniser (${inference_asr_model})
    --num_loops            loops of a recursive encoder, at most; by default as it was trained
    --loop_exit            latent, kl or labels: criterion by which an utterance stops looping earlier
    --loop_exit_threshold  below it, an utterance stops
    --loop_exit_min        loops that every utterance runs (1)
    --download_model       published model to decode with: Hugging Face name, tag or zip
    --hf_repo              where stage 15 uploads to, <user>/<name>
    --upload_dry_run       stage 15 only writes the folder that it would upload (${upload_dry_run})
Data sets
    --train_set               data directory for training, required (${train_set})
    --valid_set               data directory for validation, required (${valid_set})
    --test_sets               data directories for decoding, required (${test_sets})
    --bpe_train_text          text for sentencepiece (that of train_set)
    --lm_train_text           text for the language model (that of train_set)
    --lm_dev_text             (that of valid_set)
    --lm_test_text            (that of the first of test_sets)
    --nlsyms_txt              list of non-linguistic symbols (${nlsyms_txt})
    --cleaner                 text cleaner (${cleaner})
    --g2p                     (${g2p})
    --lang                    language, part of names (${lang})
    --score_opts              not used: the scorer has no options
    --asr_speech_fold_length  (${asr_speech_fold_length})
    --asr_text_fold_length    (${asr_text_fold_length})
    --lm_fold_length          (${lm_fold_length})
EOF
}

called_as=$0  # what messages and the help name
[ ! -x run.sh ] || called_as=./run.sh
# shellcheck source=egs2/TEMPLATE/asr1/stage.sh
. "$(dirname "$(readlink -f "$0")")/stage.sh"
parse_options "$@"
. ./path.sh
. ./cmd.sh

# ---- What cannot be done is said before anything is

must_be "a stage, 1 to 15" '[1-9]|1[0-5]' stage skip_stages
must_be "a whole number" '[0-9]+' stop_stage ngpu \
    bpe_input_sentence_size asr_speech_fold_length asr_text_fold_length lm_fold_length
must_be "a whole number, 1 or more" '[1-9][0-9]*' \
    nj inference_nj num_nodes batch_size nbpe num_loops loop_exit_min
must_be "a number" '[0-9]*[.]?[0-9]+(e-?[0-9]+)?' \
    frames_per_second cepstra min_wav_duration max_wav_duration bpe_char_cover loop_exit_threshold
must_be "a channel: 1, 2, ..., or mean" '[1-9][0-9]*|mean' channel
must_be "a sampling rate such as 16k" '[0-9]+([.][0-9]+)?k|[1-9][0-9]{3,}' fs
[ "${stop_stage}" -ge "${stage}" ] \
    || usage_error "--stop_stage ${stop_stage} is before --stage ${stage}"
for option in train_set valid_set test_sets; do
    [ -n "${!option}" ] || usage_error "--${option} is required"
done
[ "${train_set}" != "${valid_set}" ] || usage_error "train_set and valid_set are both ${train_set}"
case ${feats_type} in
    # Where the speech is, how ESPnet reads it, and what a second of it has.
    raw) scp=wav.scp; scp_type=sound; rate=${fs} ;;
    extracted) scp=feats.scp; scp_type=kaldi_ark; rate=${frames_per_second} ;;
    *) usage_error "--feats_type ${feats_type}: raw or extracted" ;;
esac
[ "${feats_type}" = raw ] || [ -z "${speed_perturb_factors}" ] || [ -n "${cepstra}" ] || usage_error \
    "--speed_perturb_factors changes waveforms, which --feats_type ${feats_type} has not: use raw;" \
    "or, where the features are cepstra of a mel filterbank, say how they were made with --cepstra"
[ "${feats_type}" = raw ] || [ -z "${channel}" ] \
    || usage_error "--channel ${channel}: --feats_type ${feats_type} has no channels"
[ "${asr_task}" = asr ] || usage_error "--asr_task ${asr_task}: only asr"
[ "${use_ngram}" = false ] || usage_error "--use_ngram: stage 9 is not there yet; use --use_lm true"
[ "${skip_upload_hf}" = true ] || [ -n "${hf_repo}" ] \
    || usage_error "--skip_upload_hf false needs --hf_repo <user>/<name>"
[ "${num_nodes}" -le "${SLURM_JOB_NUM_NODES:-1}" ] || usage_error \
    "--num_nodes ${num_nodes} needs a Slurm allocation of so many (here: ${SLURM_JOB_NUM_NODES:-none})." \
    "Submit: sbatch --nodes ${num_nodes} train.sbatch <options>; or start in salloc --nodes ${num_nodes}"
[ "${gpu_inference}" = false ] || [ "${ngpu}" -gt 0 ] || [ "${cluster}" != local ] \
    || usage_error "--gpu_inference true: say how many GPUs there are with --ngpu"
case ${loop_exit:-none} in
    none|latent|kl|labels) ;;
    *) usage_error "--loop_exit ${loop_exit}: latent, kl or labels" ;;
esac
[ -z "${loop_exit}" ] || [ -n "${loop_exit_threshold}" ] || usage_error \
    "--loop_exit ${loop_exit} needs --loop_exit_threshold: see espnet-recursive sweep-loops --help"
[ -n "${loop_exit}" ] || [ -z "${loop_exit_threshold}${loop_exit_min}" ] || usage_error \
    "--loop_exit_threshold and --loop_exit_min are for a --loop_exit"
for option in asr_config encoder_config lm_config inference_config data_dir cluster_conf; do
    [ -z "${!option}" ] || [ -e "${!option}" ] || usage_error "--${option} ${!option} does not exist"
done
if [ "${feats_type}" != raw ] && [ -n "${asr_config}" ]; then
    ! grep -qE '^ *(data_aug_effects|rir_scp|noise_scp) *:' "${asr_config}" || usage_error \
        "--asr_config ${asr_config} changes waveforms (preprocessor_conf), which --feats_type" \
        "${feats_type} has not: remove data_aug_effects, rir_scp and noise_scp there"
fi

${python} -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("espnet2") is None)' \
    || die "$(command -v ${python%% *} || echo "${python}, which is not on the PATH,") has no ESPnet:" \
    "run make in the repository, or activate the environment that has it"

# ---- Commands

tool() { echo "${python} -m espnet_recursive.bin.$1"; }
espnet="${python} -m espnet_recursive.run -m espnet2.bin"
run_jobs=$(tool run_jobs)
array_options="--max_running ${max_running} --cluster ${cluster}
    ${cluster_conf:+--cluster_conf ${cluster_conf}}"
launch() {  # launch <experiment>: what stands before a training on several nodes
    [ "${num_nodes}" -le 1 ] || echo "$(tool launch) --num_nodes ${num_nodes} --ngpu ${ngpu}" \
        "--init_file_prefix $1/.dist_init_ --"
}

# ---- A published model takes the place of training

if [ -n "${download_model}" ]; then
    current_stage=download
    name=$(sed -e 's/\.zip$//' -e 's/[^A-Za-z0-9._-]/_/g' <<< "${download_model##*/}")
    : "${asr_exp:=${expdir}/published_${name}}"
    log "the model ${download_model}, in ${asr_exp}"
    found=$(attempt $(tool download_model) "${download_model}" "${asr_exp}")
    found() { sed -n "s/^$1=//p" <<< "${found}"; }
    skip_train=true
    skip_packing=true
    skip_upload_hf=true
    inference_asr_model=$(found inference_asr_model)
    inference_lm=$(found inference_lm)
    token_type=$(found token_type)
    lm_exp=${asr_exp}/lm
    [ -n "${inference_lm}" ] || use_lm=false
fi

# ---- Names, as ESPnet builds them

suffix() { sed -e 's/--/_/g' -e 's/[ |=/]//g' <<< "$1"; }
model_name() { sed -e 's/\//_/g' -e 's/\.[^.]*$//' <<< "$1"; }

data_feats=${dumpdir}/${feats_type}
[ -z "${data_dir}" ] || skip_stages+=" 1"
: "${data_dir:=data}"
: "${token_listdir:=data/$([ "${lang}" = noinfo ] || echo "${lang}_")token_list}"
original_set=${train_set}  # at its own speed
sp=
if [ -n "${speed_perturb_factors}" ]; then
    sp=_sp
    train_set+=_sp
fi
bpemodel=none
bpedir=${token_listdir}/bpe_${bpemode}${nbpe}
case ${token_type} in
    bpe) token_list=${bpedir}/tokens.txt; bpemodel=${bpedir}/bpe.model; tokens=bpe${nbpe} ;;
    char|word) token_list=${token_listdir}/${token_type}/tokens.txt; tokens=${token_type} ;;
    *) usage_error "--token_type ${token_type}: bpe, char or word" ;;
esac
[ -z "${download_model}" ] || bpemodel=$(found bpemodel)
names=${tokens}
[ "${lang}" = noinfo ] || names=${lang}_${tokens}

[ -n "${lm_config}" ] || [ -n "${lm_tag}" ] || lm_tag=train
[ -n "${lm_tag}" ] || lm_tag=$(basename "${lm_config}" .yaml)$(suffix "${lm_args}")
: "${lm_stats_dir:=${expdir}/lm_stats_${names}}"
: "${lm_exp:=${expdir}/lm_${lm_tag}_${names}}"

if [ -z "${asr_tag}" ]; then
    asr_tag=train
    [ -z "${asr_config}" ] || asr_tag=$(basename "${asr_config}" .yaml)
    [ -z "${encoder_config}" ] || asr_tag+=_$(basename "${encoder_config}" .yaml)
    asr_tag+=_${feats_type}_${names}$(suffix "${asr_args}")${sp}
fi
: "${asr_stats_dir:=${expdir}/asr_stats_${feats_type}_${names}${sp}}"
: "${asr_exp:=${expdir}/asr_${asr_tag}}"

depth_options=
for option in num_loops loop_exit loop_exit_threshold loop_exit_min; do
    [ -z "${!option}" ] || depth_options+=" --${option} ${!option}"
done

if [ -z "${inference_tag}" ]; then
    inference_tag=inference
    [ -z "${inference_config}" ] || inference_tag=$(basename "${inference_config}" .yaml)
    inference_tag+=$(suffix "${depth_options} ${inference_args}")
    [ "${use_lm}" = false ] || inference_tag+=_lm_$(basename "${lm_exp}")_$(model_name "${inference_lm}")
    inference_tag+=_asr_model_$(model_name "${inference_asr_model}")
fi

if [ -n "${sp}" ] && [ -n "${asr_config}" ] && grep -q speed_perturb "${asr_config}"; then
    asr_args+=" --preprocessor_conf data_aug_prob=0"  # not on the fly, too
fi

# in_data_dir <texts>: those that a recipe names in data/ are where the data directories are
in_data_dir() {
    local text
    for text in $1; do
        case ${text} in
            data/*) echo "${data_dir}/${text#data/}" ;;
            *) echo "${text}" ;;
        esac
    done
}
for option in bpe_train_text lm_train_text lm_dev_text lm_test_text; do
    printf -v "${option}" '%s' "$(in_data_dir "${!option}" | paste -sd ' ')"
done
: "${bpe_train_text:=${data_feats}/${train_set}/text}"
: "${lm_train_text:=${data_feats}/${train_set}/text}"
: "${lm_dev_text:=${data_feats}/${valid_set}/text}"
: "${lm_test_text:=${data_feats}/${test_sets%% *}/text}"

[ "${skip_data_prep}" = false ] || skip_stages+=" 1 2 3 4 5"
[ "${skip_train}" = false ] || skip_stages+=" 2 4 5 6 7 8 9 10 11"
[ "${skip_eval}" = false ] || skip_stages+=" 12 13"
[ "${use_lm}" = true ] || skip_stages+=" 6 7 8"
[ -n "${sp}" ] || skip_stages+=" 2"
skip_stages+=" 9"
[ "${skip_packing}" = false ] || skip_stages+=" 14"
[ "${skip_upload_hf}" = false ] || skip_stages+=" 15"
to_do=
for number in {1..15}; do ! in_range "${number}" || to_do+=" ${number}"; done
[ -n "${to_do}" ] || usage_error "nothing to do in stages ${stage} to ${stop_stage}. Left out are" \
    "$(tr ' ' '\n' <<< "${skip_stages# }" | sort -nu | paste -sd ' '). (2 needs --speed_perturb_factors," \
    "6 to 8 --use_lm true, 14 --skip_packing false, 15 --skip_upload_hf false; 9 is not there.)"

text_options="--bpemodel ${bpemodel} --token_type ${token_type} --token_list ${token_list}
    --non_linguistic_symbols ${nlsyms_txt} --cleaner ${cleaner} --g2p ${g2p}"

need_text() {  # texts are of prepared data, or of stage 1
    case $1 in
        "${data_feats}"/*) need "$1" 4 ;;
        *) [ -e "$1" ] || [ "${data_dir}" = data ] || die "$1 does not exist. Is it a text that only" \
               "the recipe's stage 1 writes? Name others with --lm_train_text or --bpe_train_text."
           need "$1" 1 ;;
    esac
}

# lm_text <name> <text>...: several texts in one, with plain spaces and without empty sentences
lm_text() { attempt $(tool lm_text) "${@:2}" --output "${data_feats}/$1"; }

# ---- Mistakes in configurations are found before data are prepared for hours

current_stage=config
[ -z "${encoder_config}" ] || [ -n "${asr_config}" ] \
    || usage_error "--encoder_config is laid over --asr_config: name that too"
train_config=${asr_config:+${asr_exp}/train_config.yaml}
if [ "${stage}" -le 11 ] && [ "${skip_train}" = false ]; then
    [ -z "${asr_config}" ] || attempt $(tool train_config) --config "${asr_config}" \
        ${encoder_config:+--encoder_config "${encoder_config}"} --output "${train_config}"
    log "checking the configurations"
    gpus_here=0  # those needed on this machine, which need not be one of several that train
    if { in_range 7 || in_range 11; } && [ "${num_nodes}" -le 1 ]; then gpus_here=${ngpu}; fi
    decoding=()
    if in_range 12; then
        decoding=(${inference_config:+--inference_config ${inference_config}}
            "--inference_args=${depth_options} ${inference_args}")
    fi
    current_stage=config
    step "${asr_exp}/.done.check" ${train_config} ${lm_config} ${inference_config} -- \
        $(tool check_config) "${decoding[@]}" \
        ${train_config:+--asr_config ${train_config}} "--asr_args=${asr_args}" \
        $([ "${use_lm}" = false ] || echo ${lm_config:+--lm_config ${lm_config}}) \
        "--lm_args=${lm_args}" --ngpu "${gpus_here}"
fi

# ---- Stages

if in_range 1; then
    log "Data preparation for data/${train_set}, data/${valid_set}, ..."
    [ -e local/data.sh ] || die "local/data.sh, the data preparation of a recipe, is not here"
    step data/.done.data local/data.sh -- local/data.sh \
        ${recipe_data_opts} ${local_data_opts}
fi

# source_of <data set>: its directory; that of copies at other speeds is not in --data_dir
source_of() {
    if [ -n "${sp}" ] && [ "$1" = "${train_set}" ]; then echo "data/$1"; else echo "${data_dir}/$1"; fi
}
need_data() {  # need_data <data set>
    local table file
    for table in ${scp} text utt2spk; do
        file=$(source_of "$1")/${table}
        if [ -n "${sp}" ] && [ "$1" = "${train_set}" ]; then
            need "${file}" 2
        elif [ "${data_dir}" = data ]; then
            need "${file}" 1
        else
            [ -e "${file}" ] || die "${file} does not exist. --data_dir is the folder of the data" \
                "directories ${original_set}, ${valid_set}, ${test_sets// /, }, each with ${scp}," \
                "text and utt2spk. Other names: --train_set, --valid_set, --test_sets."
        fi
    done
}

inputs_of() {  # inputs_of <data directory>: its tables
    local table
    for table in ${scp} text utt2spk segments; do
        [ "${table}" = segments ] && [ ! -e "$1/segments" ] || echo "$1/${table}"
    done
}
format_audio() {
    echo "$(tool format_audio) --fs ${fs} --audio_format ${audio_format}" \
        "--nj $((nj < max_running ? nj : max_running))"
}

if in_range 2; then
    log "Speeds ${speed_perturb_factors} of ${original_set}: data/${train_set}"
    need_data "${original_set}"
    source=${data_dir}/${original_set}
    if [ "${feats_type}" = raw ]; then
        audio=${dumpdir}/perturbed/${original_set}
        if [ -e "${source}/segments" ] || [ -n "${channel}" ]; then  # utterances first, in files
            step "${audio}/.done.utterances" $(inputs_of "${source}") -- \
                $(format_audio) ${channel:+--channel ${channel}} ${source} ${audio}/utterances
            source=${audio}/utterances
        fi
        logdir=${audio}/logdir
        _nj=$($(tool split_scp) ${source}/wav.scp ${logdir} --name wav --nj ${nj})
        step "${audio}/.done.audio" ${source}/wav.scp -- \
            ${run_jobs} --log ${logdir}/perturb.JOB.log --nj ${_nj} ${array_options} -- \
            $(tool perturb_speed) audio ${logdir}/wav.JOB.scp \
            --factors ${speed_perturb_factors} --audio_dir ${audio}/data
        step "data/${train_set}/.done.perturb" ${audio}/.done.audio ${source}/{text,utt2spk} -- \
            $(tool perturb_speed) data ${source} data/${train_set} \
            --factors ${speed_perturb_factors} --audio_dir ${audio}/data
    else
        step "data/${train_set}/.done.perturb" ${source}/{feats.scp,text,utt2spk} -- \
            $(tool perturb_speed) cepstra ${source} data/${train_set} \
            --factors ${speed_perturb_factors} --cepstra ${cepstra}
    fi
fi

if in_range 3; then
    if [ "${feats_type}" = raw ]; then
        log "Audio as ${fs} ${audio_format} in ${data_feats}"
        format=$(format_audio)
    else
        log "Features in ${data_feats}"
        format=$(tool format_feats)
    fi
    ! cmp -s "${data_dir}/${original_set}/text" "${data_dir}/${valid_set}/text" \
        || die "${data_dir}/${original_set} and ${data_dir}/${valid_set} are the same data:" \
        "a validation set that is trained on cannot tell when a model is good"
    dsets=$(printf '%s\n' ${train_set} ${valid_set} ${test_sets} | awk '!seen[$0]++')
    for dset in ${dsets}; do need_data "${dset}"; done  # all, before hours go into the first
    for dset in ${dsets}; do
        source=$(source_of "${dset}")
        target=${data_feats}/${dset}
        case " ${train_set} ${valid_set} " in *" ${dset} "*) target=${data_feats}/org/${dset} ;; esac
        choice=${channel:+--channel ${channel}}
        [ -z "${sp}" ] || [ "${dset}" != "${train_set}" ] || choice=  # taken in stage 2
        step "${target}/.done.format" $(inputs_of "${source}") -- \
            ${format} ${choice} ${source} ${target}
    done
fi

if in_range 4; then
    log "Utterances of ${min_wav_duration} to ${max_wav_duration} s with a text"
    for dset in ${train_set} ${valid_set}; do
        need "${data_feats}/org/${dset}/${scp}" 3
        step "${data_feats}/${dset}/.done.filter" ${data_feats}/org/${dset}/{${scp},text} -- \
            $(tool filter_utterances) ${data_feats}/org/${dset} ${data_feats}/${dset} \
            --fs ${rate} --min_seconds ${min_wav_duration} --max_seconds ${max_wav_duration}
    done
fi

if in_range 5; then
    log "Tokens: ${token_list}"
    for text in ${bpe_train_text}; do need_text "${text}"; done
    if [ "${token_type}" = bpe ]; then
        step "${token_listdir}/.done.bpe_${bpemode}${nbpe}" ${bpe_train_text} -- \
            $(tool token_list) ${bpe_train_text} --output_dir ${bpedir} --nbpe ${nbpe} \
            --bpemode ${bpemode} --bpe_char_cover ${bpe_char_cover} \
            --bpe_input_sentence_size ${bpe_input_sentence_size} --bpe_nlsyms "${bpe_nlsyms}"
    else
        lm_text lm_train.txt ${lm_train_text}
        step "${token_listdir}/.done.${token_type}" ${data_feats}/lm_train.txt -- \
            ${run_jobs} --log ${token_listdir}/${token_type}/tokens.log -- \
            ${espnet}.tokenize_text --token_type ${token_type} --input ${data_feats}/lm_train.txt \
            --output ${token_list} --non_linguistic_symbols ${nlsyms_txt} --field 2- \
            --cleaner ${cleaner} --g2p ${g2p} --write_vocabulary true \
            --add_symbol "<blank>:0" --add_symbol "<unk>:1" --add_symbol "<sos/eos>:-1"
    fi
fi

# add_vocabulary_size <shape file>: ESPnet's batches count tokens times vocabulary
add_vocabulary_size() {
    awk -v n="$(wc -l < "${token_list}")" '{ print $0 "," n }' "$1" > "$1.$$.part"
    mv "$1.$$.part" "$1.${token_type}"
}

if in_range 6; then
    log "LM statistics: ${lm_stats_dir}"
    need "${token_list}" 5
    for text in ${lm_train_text} ${lm_dev_text}; do need_text "${text}"; done
    lm_text lm_train.txt ${lm_train_text}
    lm_text lm_dev.txt ${lm_dev_text}
    logdir=${lm_stats_dir}/logdir
    _nj=$($(tool split_scp) ${data_feats}/lm_train.txt ${logdir} --name train --nj ${nj})
    _nj=$($(tool split_scp) ${data_feats}/lm_dev.txt ${logdir} --name dev --nj ${_nj})
    $(tool split_scp) ${data_feats}/lm_train.txt ${logdir} --name train --nj ${_nj} > /dev/null
    step "${lm_stats_dir}/.done.collect" ${data_feats}/lm_train.txt ${data_feats}/lm_dev.txt ${lm_config} -- \
        ${run_jobs} --log ${logdir}/stats.JOB.log --nj ${_nj} ${array_options} -- \
        ${espnet}.lm_train --collect_stats true --use_preprocessor true ${text_options} \
        --train_data_path_and_name_and_type ${data_feats}/lm_train.txt,text,text \
        --valid_data_path_and_name_and_type ${data_feats}/lm_dev.txt,text,text \
        --train_shape_file ${logdir}/train.JOB.scp --valid_shape_file ${logdir}/dev.JOB.scp \
        --output_dir ${logdir}/stats.JOB --ngpu 0 ${lm_config:+--config ${lm_config}} ${lm_args}
    step "${lm_stats_dir}/.done.aggregate" ${lm_stats_dir}/.done.collect -- \
        ${run_jobs} --log ${lm_stats_dir}/aggregate.log -- ${espnet}.aggregate_stats_dirs \
        $(for i in $(seq ${_nj}); do echo --input_dir ${logdir}/stats.${i}; done) \
        --output_dir ${lm_stats_dir}
    for part in train valid; do add_vocabulary_size "${lm_stats_dir}/${part}/text_shape"; done
fi

if in_range 7; then
    log "LM training: ${lm_exp}"
    need "${lm_stats_dir}/train/text_shape.${token_type}" 6
    step "${lm_exp}/.done.train" ${lm_stats_dir}/train/text_shape ${lm_config} -- \
        ${run_jobs} --log ${lm_exp}/train.log --progress training -- \
        $(launch "${lm_exp}") ${espnet}.lm_train --ngpu ${ngpu} --use_preprocessor true ${text_options} \
        --train_data_path_and_name_and_type ${data_feats}/lm_train.txt,text,text \
        --valid_data_path_and_name_and_type ${data_feats}/lm_dev.txt,text,text \
        --train_shape_file ${lm_stats_dir}/train/text_shape.${token_type} \
        --valid_shape_file ${lm_stats_dir}/valid/text_shape.${token_type} \
        --fold_length ${lm_fold_length} --resume true --output_dir ${lm_exp} \
        ${lm_config:+--config ${lm_config}} ${lm_args}
fi

if in_range 8; then
    log "LM perplexity of ${lm_test_text}"
    need "${lm_exp}/${inference_lm}" 7
    lm_text lm_test.txt ${lm_test_text}
    step "${lm_exp}/perplexity_test/.done.perplexity" ${data_feats}/lm_test.txt ${lm_exp}/.done.train -- \
        ${run_jobs} --log ${lm_exp}/perplexity_test/lm_calc_perplexity.log -- \
        ${espnet}.lm_calc_perplexity --ngpu 0 \
        --data_path_and_name_and_type ${data_feats}/lm_test.txt,text,text \
        --train_config ${lm_exp}/config.yaml --model_file ${lm_exp}/${inference_lm} \
        --output_dir ${lm_exp}/perplexity_test
    log "PPL: $(cat "${lm_exp}/perplexity_test/ppl")"
fi

asr_data() {  # asr_data <train|valid> <data set>
    echo "--$1_data_path_and_name_and_type ${data_feats}/$2/${scp},speech,${scp_type}" \
         "--$1_data_path_and_name_and_type ${data_feats}/$2/text,text,text"
}
asr_options() {
    local feats="--frontend_conf fs=${fs}"
    # Features need no frontend; how many there are in a frame is known after stage 3.
    [ "${feats_type}" = raw ] || feats="--input_size $(cat "${data_feats}/${train_set}/feats_dim")"
    echo "--use_preprocessor true ${text_options} ${feats}" \
        "$(asr_data train "${train_set}") $(asr_data valid "${valid_set}")"
}

if in_range 10; then
    log "Statistics: ${asr_stats_dir}"
    need "${token_list}" 5
    for dset in ${train_set} ${valid_set}; do need "${data_feats}/${dset}/${scp}" 4; done
    logdir=${asr_stats_dir}/logdir
    _nj=$($(tool split_scp) ${data_feats}/${train_set}/${scp} ${logdir} --name train --nj ${nj})
    _nj=$($(tool split_scp) ${data_feats}/${valid_set}/${scp} ${logdir} --name valid --nj ${_nj})
    $(tool split_scp) ${data_feats}/${train_set}/${scp} ${logdir} --name train --nj ${_nj} > /dev/null
    # Statistics do not depend on the encoder, so that all rows share them: the plain asr_config.
    step "${asr_stats_dir}/.done.collect" ${data_feats}/${train_set}/{${scp},text} \
        ${data_feats}/${valid_set}/{${scp},text} ${token_list} ${asr_config} -- \
        ${run_jobs} --log ${logdir}/stats.JOB.log --nj ${_nj} ${array_options} -- \
        ${espnet}.asr_train --collect_stats true $(asr_options) \
        --train_shape_file ${logdir}/train.JOB.scp --valid_shape_file ${logdir}/valid.JOB.scp \
        --output_dir ${logdir}/stats.JOB --ngpu 0 ${asr_config:+--config ${asr_config}} ${asr_args}
    step "${asr_stats_dir}/.done.aggregate" ${asr_stats_dir}/.done.collect -- \
        ${run_jobs} --log ${asr_stats_dir}/aggregate.log -- ${espnet}.aggregate_stats_dirs \
        $(for i in $(seq ${_nj}); do echo --input_dir ${logdir}/stats.${i}; done) \
        --output_dir ${asr_stats_dir}
    for part in train valid; do add_vocabulary_size "${asr_stats_dir}/${part}/text_shape"; done
fi

if in_range 11; then
    log "Training: ${asr_exp}, log ${asr_exp}/train.log"
    need "${asr_stats_dir}/train/text_shape.${token_type}" 10
    normalize="--normalize ${feats_normalize}"
    [ "${feats_normalize}" != global_mvn ] || \
        normalize+=" --normalize_conf stats_file=${asr_stats_dir}/train/feats_stats.npz"
    step "${asr_exp}/.done.train" ${train_config} ${asr_stats_dir}/train/{speech_shape,text_shape} -- \
        ${run_jobs} --log ${asr_exp}/train.log --progress training -- \
        $(launch "${asr_exp}") ${espnet}.asr_train --ngpu ${ngpu} $(asr_options) ${normalize} \
        --train_shape_file ${asr_stats_dir}/train/speech_shape \
        --train_shape_file ${asr_stats_dir}/train/text_shape.${token_type} \
        --valid_shape_file ${asr_stats_dir}/valid/speech_shape \
        --valid_shape_file ${asr_stats_dir}/valid/text_shape.${token_type} \
        --fold_length ${asr_speech_fold_length} --fold_length ${asr_text_fold_length} \
        --resume true ${pretrained_model:+--init_param ${pretrained_model}} \
        --ignore_init_mismatch ${ignore_init_mismatch} --output_dir ${asr_exp} \
        ${train_config:+--config ${train_config}} ${asr_args}
fi

# What decodings and packs are made of: a training that came to its end here, or else just a model.
trained() { if [ -e "$1/.done.train" ]; then echo "$1/.done.train"; else echo "$1/$2"; fi; }

if in_range 12; then
    need "${asr_exp}/${inference_asr_model}" 11
    lm_options=
    if [ "${use_lm}" = true ]; then
        need "${lm_exp}/${inference_lm}" 7
        lm_options="--lm_train_config ${lm_exp}/config.yaml --lm_file ${lm_exp}/${inference_lm}"
    fi
    gpus=  # of this machine, dealt out to its jobs; a batch system deals out its own
    [ "${gpu_inference}" = false ] || [ "${cluster}" != local ] || gpus="--gpus ${ngpu}"
    for dset in ${test_sets}; do
        data=${data_feats}/${dset}
        dir=${asr_exp}/${inference_tag}/${dset}
        log "Decoding of ${dset}: ${dir}"
        need "${data}/${scp}" 3
        _nj=$($(tool split_scp) ${data}/${scp} ${dir}/logdir --nj ${inference_nj} --longest_first)
        step "${dir}/.done.decode" ${data}/${scp} \
            "$(trained "${asr_exp}" "${inference_asr_model}")" ${inference_config} -- \
            ${run_jobs} --log ${dir}/logdir/asr_inference.JOB.log --nj ${_nj} \
            ${array_options} ${gpus} --progress utterances --total "$(wc -l < ${data}/${scp})" -- \
            $(tool asr_inference) --batch_size ${batch_size} \
            --ngpu $([ ${gpu_inference} = true ] && echo 1 || echo 0) \
            --data_path_and_name_and_type ${dir}/logdir/keys.JOB.scp,speech,${scp_type} \
            --output_dir ${dir}/logdir/output.JOB \
            --asr_train_config ${asr_exp}/config.yaml \
            --asr_model_file ${asr_exp}/${inference_asr_model} ${lm_options} \
            ${inference_config:+--config ${inference_config}} ${depth_options} ${inference_args}
        step "${dir}/.done.join" ${dir}/.done.decode -- \
            $(tool join_decoding) ${data}/${scp} ${dir}/logdir ${dir} --fs ${rate}
        cat "${dir}/rtf.txt"
    done
fi

if in_range 13; then
    log "Scoring"
    for dset in ${test_sets}; do
        dir=${asr_exp}/${inference_tag}/${dset}
        need "${dir}/text" 12
        step "${dir}/.done.score" ${data_feats}/${dset}/text ${dir}/text -- \
            $(tool score) ${data_feats}/${dset} ${dir} --nlsyms_txt ${nlsyms_txt} --cleaner ${cleaner} \
            $([ "${token_type}" != bpe ] || echo --bpemodel ${bpemodel})
    done
    attempt $(tool results) ${asr_exp} > /dev/null
    log "results: ${asr_exp}/RESULTS.md"
fi

packed_model=${asr_exp}/${asr_exp##*/}_${inference_asr_model%.*}.zip
if in_range 14; then
    log "Packing: ${packed_model}"
    need "${asr_exp}/${inference_asr_model}" 11
    need "${asr_exp}/RESULTS.md" 13
    pack_options="--option ${asr_exp}/RESULTS.md --option ${asr_exp}/RESULTS.json
        --dataset $(basename "$(dirname "${PWD}")") ${inference_config:+--inference_config ${inference_config}}"
    [ "${lang}" = noinfo ] || pack_options+=" --lang ${lang}"
    [ "${use_lm}" = false ] || pack_options+=" --lm_train_config ${lm_exp}/config.yaml
        --lm_file ${lm_exp}/${inference_lm}"
    step "${asr_exp}/.done.pack" "$(trained "${asr_exp}" "${inference_asr_model}")" \
        ${asr_exp}/RESULTS.md -- ${run_jobs} --log ${asr_exp}/pack.log -- $(tool pack) \
        --asr_train_config ${asr_exp}/config.yaml \
        --asr_model_file ${asr_exp}/${inference_asr_model} ${pack_options} --outpath ${packed_model}
    log "packed: ${packed_model}"
fi

if in_range 15; then
    need "${packed_model}" 14
    log "Upload to ${hf_repo}"
    attempt $(tool upload) "${packed_model}" --hf_repo "${hf_repo}" --dry_run "${upload_dry_run}"
fi
current_stage=-
log "finished in ${SECONDS} s"
