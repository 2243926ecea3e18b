"""The names that stages work with, built from the options as ESPnet's asr.sh builds them."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from espnet_recursive.recipe.driver.checks import text_of
from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.option_table import OPTIONS

Settings = dict[str, str | list[str]]

#: Options that go to asr_inference as they are.
_DEPTH = ("num_loops", "loop_exit", "loop_exit_threshold", "loop_exit_min")
#: What names of folders leave out of arguments.
_NOT_IN_NAMES = re.compile(r"""[\s|=/'"`$;&<>()*?!\\]""")
#: Samples of audio that --asr_speech_fold_length counts in, as in ESPnet's asr.sh.
_FOLD_SAMPLES = 100


def stage_settings(
    values: Mapping[str, str], published: Mapping[str, str] | None = None
) -> Settings:
    """The variables of asr.sh.

    Args:
        values: The value of every option, checked.
        published: What ``download_model`` prints, where a published model takes the place of
            training and is there already.

    Returns:
        The value of every option, of words as a list, with what was left open filled in; and of
        what follows from them: where the data are, the names of experiments, and ``to_do``, the
        stages.

    Raises:
        UsageError: If no stage is left to do.
    """
    values = dict(values)
    if values["download_model"]:
        values |= {"skip_train": "true", "skip_packing": "true", "skip_upload_hf": "true"}
        name = re.sub(r"\.zip$", "", values["download_model"].rpartition("/")[2])
        name = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        values["asr_exp"] = values["asr_exp"] or f"{values['expdir']}/published_{name}"
        values["lm_exp"] = f"{values['asr_exp']}/lm"
    if published is not None:
        values |= {key: published[key] for key in _PUBLISHED}
        if not published["inference_lm"]:
            values["use_lm"] = "false"
    settings: Settings = dict(values) | {
        name: option.words(values[name]) for name, option in OPTIONS.items() if option.kind.words
    }
    settings["to_do"] = _stages(values, settings["skip_stages"])
    settings |= _data(values)
    settings |= _tokens(values, published)
    settings |= _experiments(values, settings)
    settings |= _texts(values, settings)
    settings |= {f"quoted_{name}": shlex.join(settings[name]) for name in ("lm_args", "asr_args")}
    settings["quoted_inference_args"] = shlex.join(
        [*settings["depth_options"], *settings["inference_args"]]
    )
    return settings


#: What a published model decides.
_PUBLISHED = ("inference_asr_model", "inference_lm", "token_type")


def _stages(values: Mapping[str, str], skipped: Sequence[str]) -> list[str]:
    left_out = {*map(int, skipped), 9}
    for reason, numbers in (
        (values["data_dir"], {1}),
        (values["skip_data_prep"] != "false", {1, 2, 3, 4, 5}),
        (values["skip_train"] != "false", {2, *range(4, 12)}),
        (values["skip_eval"] != "false", {12, 13}),
        (values["use_lm"] != "true", {6, 7, 8}),
        (not values["speed_perturb_factors"], {2}),
        (values["skip_packing"] != "false", {14}),
        (values["skip_upload_hf"] != "false", {15}),
    ):
        left_out |= numbers if reason else set()
    first, last = int(values["stage"]), int(values["stop_stage"])
    to_do = [str(n) for n in range(first, min(last, 15) + 1) if n not in left_out]
    if not to_do:
        raise UsageError(
            f"nothing to do in stages {first} to {last}. Left out are "
            f"{' '.join(map(str, sorted(left_out)))}. (2 needs --speed_perturb_factors, 6 to 8 "
            "--use_lm true, 14 --skip_packing false, 15 --skip_upload_hf false; 9 is not there.)"
        )
    return to_do


def _data(values: Mapping[str, str]) -> Settings:
    """Where the speech is, how ESPnet reads it, and what a second of it has."""
    raw = values["feats_type"] == "raw"
    fold_length = int(values["asr_speech_fold_length"]) * (_FOLD_SAMPLES if raw else 1)
    sp = "_sp" if values["speed_perturb_factors"] else ""
    return {
        "scp": "wav.scp" if raw else "feats.scp",
        "scp_type": "sound" if raw else "kaldi_ark",
        "rate": values["fs"] if raw else values["frames_per_second"],
        "speech_fold_length": str(fold_length),
        "data_feats": f"{values['dumpdir']}/{values['feats_type']}",
        "data_dir": values["data_dir"] or "data",
        "sp": sp,
        "original_set": values["train_set"],
        "train_set": values["train_set"] + sp,
    }


def _tokens(values: Mapping[str, str], published: Mapping[str, str] | None) -> Settings:
    token_type, lang = values["token_type"], values["lang"]
    prefix = "" if lang == "noinfo" else f"{lang}_"
    listdir = values["token_listdir"] or f"data/{prefix}token_list"
    bpedir = f"{listdir}/bpe_{values['bpemode']}{values['nbpe']}"
    if token_type == "bpe":
        folder, bpemodel, tokens = bpedir, f"{bpedir}/bpe.model", f"bpe{values['nbpe']}"
    elif token_type in ("char", "word"):
        folder, bpemodel, tokens = f"{listdir}/{token_type}", "none", token_type
    else:
        raise UsageError(f"--token_type {token_type}: bpe, char or word")
    return {
        "token_listdir": listdir,
        "bpedir": bpedir,
        "token_list": f"{folder}/tokens.txt",
        "bpemodel": published["bpemodel"] if published else bpemodel,
        "names": prefix + tokens,
    }


def _experiments(values: Mapping[str, str], settings: Mapping[str, str | list[str]]) -> Settings:
    expdir, names, sp = values["expdir"], settings["names"], settings["sp"]
    frontend = values["feats_frontend"]
    feats = values["feats_type"] + (f"_{frontend}" if frontend else "")
    lm_tag = values["lm_tag"]
    if not lm_tag:
        config = values["lm_config"]
        lm_tag = _stem(config) + _suffix(values["lm_args"]) if config else "train"
    lm_exp = values["lm_exp"] or f"{expdir}/lm_{lm_tag}_{names}"
    asr_config = values["asr_config"]
    asr_tag = values["asr_tag"]
    if not asr_tag:
        encoder = f"_{_stem(values['encoder_config'])}" if values["encoder_config"] else ""
        asr_tag = (_stem(asr_config) if asr_config else "train") + encoder
        asr_tag += f"_{feats}_{names}{_suffix(values['asr_args'])}{sp}"
    asr_exp = values["asr_exp"] or f"{expdir}/asr_{asr_tag}"
    asr_args = OPTIONS["asr_args"].words(values["asr_args"])
    if sp and "speed_perturb" in text_of(asr_config):
        asr_args += ["--preprocessor_conf", "data_aug_prob=0"]  # not on the fly, too
    depth = [part for name in _DEPTH if values[name] for part in (f"--{name}", values[name])]
    inference_tag = values["inference_tag"]
    if not inference_tag:
        config = values["inference_config"]
        inference_tag = _stem(config) if config else "inference"
        inference_tag += _suffix(" ".join([*depth, values["inference_args"]]))
        if values["use_lm"] == "true":
            inference_tag += f"_lm_{PurePath(lm_exp).name}_{_model_name(values['inference_lm'])}"
        inference_tag += f"_asr_model_{_model_name(values['inference_asr_model'])}"
    asr_stats_dir = values["asr_stats_dir"] or f"{expdir}/asr_stats_{feats}_{names}{sp}"
    _check_for_yaml(asr_stats_dir)
    packed = values["inference_asr_model"].rpartition(".")[0] or values["inference_asr_model"]
    return {
        "lm_tag": lm_tag,
        "lm_exp": lm_exp,
        "lm_stats_dir": values["lm_stats_dir"] or f"{expdir}/lm_stats_{names}",
        "asr_tag": asr_tag,
        "asr_exp": asr_exp,
        "asr_args": asr_args,
        "asr_stats_dir": asr_stats_dir,
        # All rows share the statistics, which do not depend on the encoder.
        "stats_config": f"{asr_stats_dir}/train_config.yaml" if frontend else asr_config,
        "train_config": f"{asr_exp}/train_config.yaml" if asr_config else "",
        "depth_options": depth,
        "inference_tag": inference_tag,
        "packed_model": f"{asr_exp}/{PurePath(asr_exp).name}_{packed}.zip",
    }


def _texts(values: Mapping[str, str], settings: Mapping[str, str | list[str]]) -> Settings:
    """Texts that a recipe names in data/ are where the data directories are."""
    data_feats = settings["data_feats"]

    def texts(name: str, data_set: str | list[str]) -> list[str]:
        given = OPTIONS[name].words(values[name]) if values[name] else []
        data_dir = settings["data_dir"]
        placed = [re.sub(r"^data/", lambda _: f"{data_dir}/", text) for text in given]
        return placed or [f"{data_feats}/{data_set}/text"]

    return {
        "bpe_train_text": texts("bpe_train_text", settings["train_set"]),
        "lm_train_text": texts("lm_train_text", settings["train_set"]),
        "lm_dev_text": texts("lm_dev_text", values["valid_set"])[0],
        "lm_test_text": texts("lm_test_text", settings["test_sets"][0])[0],
    }


def _stem(path: str) -> str:
    return PurePath(path).name.removesuffix(".yaml")


def _suffix(arguments: str) -> str:
    """Arguments as a part of a name."""
    return _NOT_IN_NAMES.sub("", arguments.replace("--", "_"))


def _model_name(file: str) -> str:
    return re.sub(r"\.[^.]*$", "", file.replace("/", "_"))


def _check_for_yaml(path: str) -> None:
    """ESPnet reads the path of the statistics as YAML: ``--normalize_conf stats_file=<path>``."""
    if re.fullmatch(r"[A-Za-z0-9./][\w./=+@-]*", path):
        return
    import yaml

    try:
        same = yaml.safe_load(path) == path
    except yaml.YAMLError:
        same = False
    if not same:
        raise UsageError(
            f"--expdir or --asr_stats_dir: ESPnet reads {path} as YAML, where it means something "
            "else. Choose a path of letters, digits and ._/-"
        )
