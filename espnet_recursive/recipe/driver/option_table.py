"""The options of the stage driver, with ESPnet's names: what --help prints, and what is taken."""

from espnet_recursive.recipe.driver.option import (
    CHANNEL,
    DATA_PATH,
    DATA_PATHS,
    FLAG,
    NAME,
    NUMBER,
    NUMBERS,
    PATH,
    POSITIVE,
    RATE,
    STAGE,
    STAGES,
    TEXT,
    WHOLE,
    WORDS,
    Option,
)

GENERAL = (
    Option("stage", "1", "first stage ({})", STAGE),
    Option("stop_stage", "10000", "last stage ({})", WHOLE),
    Option("skip_stages", "", 'stages to leave out, "6 7 8"', STAGES),
    Option("skip_data_prep", "false", "leave out 1-5 ({})", FLAG),
    Option("skip_train", "false", "leave out 2, 4-11 ({})", FLAG),
    Option("skip_eval", "false", "leave out 12-13 ({})", FLAG),
    Option("skip_packing", "true", "leave out 14 ({})", FLAG),
    Option("skip_upload_hf", "true", "leave out 15 ({})", FLAG),
    Option("ngpu", "1", "GPUs for training, on each machine; 0 is the CPU ({})", WHOLE),
    Option(
        "num_nodes",
        "1",
        "machines for training, in a Slurm allocation; see train.sbatch ({})",
        POSITIVE,
    ),
    Option("nj", "32", "jobs for data and statistics ({})", POSITIVE),
    Option("inference_nj", "32", "jobs for decoding ({})", POSITIVE),
    Option("gpu_inference", "false", "decode on GPUs, --ngpu of them on this machine ({})", FLAG),
    Option("dumpdir", "dump", "prepared data ({})", DATA_PATH),
    Option("expdir", "exp", "experiments ({})", PATH),
    Option("python", "python3", "how to start Python ({})"),
    Option("cluster", "local", "where job arrays run: local, slurm, pbs, sge, lsf, ... ({})", TEXT),
    Option(
        "cluster_conf",
        "",
        "YAML with what jobs ask for on that cluster, as dask-jobqueue reads it",
        PATH,
    ),
)

DATA = (
    Option("local_data_opts", "", "options for local/data.sh", WORDS),
    Option("recipe_data_opts", "", "those that the recipe's run.sh sets itself", WORDS),
    Option(
        "data_dir",
        "",
        "folder of prepared data directories, which are used as they are: without stage 1",
        DATA_PATH,
    ),
    Option(
        "speed_perturb_factors",
        "",
        '"0.9 1.0 1.1": train on copies of other speeds, written as files; of extracted features '
        "where they are --cepstra",
        WORDS,
    ),
    Option("feats_type", "raw", "raw: audio; extracted: features in feats.scp ({})"),
    Option("audio_format", "flac", "flac or wav ({})"),
    Option("fs", "16k", "sampling rate ({})", RATE),
    Option(
        "channel",
        "",
        "which channel of recordings with several: 1, 2, ..., or mean; without it, such "
        "recordings are refused",
        CHANNEL,
    ),
    Option("frames_per_second", "100", "of extracted features ({})", NUMBER),
    Option(
        "cepstra",
        "",
        "what extracted features are, where they are cepstra, so that their speed can be changed: "
        "coefficients, mel filters, lowest and highest Hz ({})",
        NUMBERS,
    ),
    Option("min_wav_duration", "0.1", "training utterances are longer, in seconds ({})", NUMBER),
    Option("max_wav_duration", "20", "training utterances are shorter, in seconds ({})", NUMBER),
)

TOKENS = (
    Option("token_listdir", "", "directory of the token lists (data/<lang>_token_list)", PATH),
    Option("token_type", "bpe", "bpe, char or word ({})"),
    Option("nbpe", "30", "size of the subword vocabulary ({})", POSITIVE),
    Option("bpemode", "unigram", "unigram or bpe ({})", PATH),
    Option(
        "bpe_nlsyms", "", "symbols that are never split, separated by commas, or a file of them"
    ),
    Option(
        "bpe_input_sentence_size",
        "100000000",
        "sentences that sentencepiece reads at most ({})",
        WHOLE,
    ),
    Option("bpe_char_cover", "1.0", "share of the characters covered ({})", NUMBER),
)

LANGUAGE_MODEL = (
    Option("use_lm", "true", "train one and decode with it ({})", FLAG),
    Option("use_ngram", "false", "not there ({})", FLAG),
    Option("ngram_num", "3", "order of the n-gram ({})"),
    Option("lm_tag", "", "name of its experiment", PATH),
    Option("lm_exp", "", "directory of its experiment; lm_tag is ignored then", PATH),
    Option("lm_stats_dir", "", "directory of its statistics", PATH),
    Option("lm_config", "", "training YAML ({})", PATH),
    Option("lm_args", "", "further arguments for lm_train", WORDS),
)

RECOGNISER = (
    Option("asr_task", "asr", "asr ({})"),
    Option("asr_tag", "", "name of the experiment", PATH),
    Option("asr_exp", "", "directory of the experiment; asr_tag is ignored then", PATH),
    Option("asr_stats_dir", "", "directory of the statistics", PATH),
    Option("asr_config", "", "training YAML ({})", PATH),
    Option("encoder_config", "", "encoder file, or a name as L1, laid over asr_config", PATH),
    Option("asr_args", "", "further arguments for asr_train", WORDS),
    Option(
        "feats_frontend",
        "",
        "frontend in the place of that of asr_config, as kaldi_fbank; with its defaults",
        NAME,
    ),
    Option("pretrained_model", "", "weights to start from, as --init_param of asr_train", WORDS),
    Option("ignore_init_mismatch", "false", "whether their shapes may differ ({})", FLAG),
    Option("feats_normalize", "global_mvn", "global_mvn or utterance_mvn ({})"),
)

DECODING = (
    Option("batch_size", "8", "utterances decoded together ({})", POSITIVE),
    Option("inference_tag", "", "name of the decoding", PATH),
    Option("inference_config", "", "decoding YAML ({})", PATH),
    Option("inference_args", "", "further arguments for asr_inference", WORDS),
    Option("inference_lm", "valid.loss.ave.pth", "weights of the language model ({})", PATH),
    Option("inference_asr_model", "valid.acc.ave.pth", "weights of the recogniser ({})", PATH),
    Option(
        "num_loops",
        "",
        "loops of a recursive encoder, at most; by default as it was trained",
        POSITIVE,
    ),
    Option(
        "loop_exit",
        "",
        "latent, kl, labels or acceleration: criterion by which an utterance stops looping earlier",
    ),
    Option("loop_exit_threshold", "", "below it, an utterance stops", NUMBER),
    Option("loop_exit_min", "", "loops that every utterance runs (1)", POSITIVE),
    Option("download_model", "", "published model to decode with: Hugging Face name, tag or zip"),
    Option("hf_repo", "", "where stage 15 uploads to, <user>/<name>"),
    Option(
        "upload_dry_run", "true", "stage 15 only writes the folder that it would upload ({})", FLAG
    ),
)

DATA_SETS = (
    Option("train_set", "", "data directory for training, required ({})", DATA_PATH),
    Option("valid_set", "", "data directory for validation, required ({})", DATA_PATH),
    Option("test_sets", "", "data directories for decoding, required ({})", DATA_PATHS),
    Option("bpe_train_text", "", "text for sentencepiece (that of train_set)", DATA_PATHS),
    Option("lm_train_text", "", "text for the language model (that of train_set)", DATA_PATHS),
    Option("lm_dev_text", "", "(that of valid_set)", DATA_PATH),
    Option("lm_test_text", "", "(that of the first of test_sets)", DATA_PATH),
    Option("nlsyms_txt", "none", "list of non-linguistic symbols ({})", PATH),
    Option("cleaner", "none", "text cleaner ({})"),
    Option("g2p", "none", "({})"),
    Option("lang", "noinfo", "language, part of names ({})", PATH),
    Option("score_opts", "", "not used: the scorer has no options"),
    Option(
        "asr_speech_fold_length",
        "800",
        "where batch_type is folded, the length at which a batch has half the utterances: in 100 "
        "samples of audio, or frames of features ({})",
        WHOLE,
    ),
    Option("asr_text_fold_length", "150", "the same in tokens of a transcript ({})", WHOLE),
    Option("lm_fold_length", "150", "the same in tokens of the language model's text ({})", WHOLE),
)

GROUPS = {
    "General": GENERAL,
    "Data": DATA,
    "Tokens": TOKENS,
    "Language model": LANGUAGE_MODEL,
    "Recogniser": RECOGNISER,
    "Decoding": DECODING,
    "Data sets": DATA_SETS,
}
OPTIONS = {option.name: option for group in GROUPS.values() for option in group}
