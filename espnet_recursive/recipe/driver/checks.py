"""Checks of the stage driver's options, alone and together, before anything runs."""

import re
from collections.abc import Mapping
from pathlib import Path

from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.option_table import OPTIONS

#: Options whose values are files or folders that are there.
_EXISTING = (
    "asr_config",
    "encoder_config",
    "lm_config",
    "inference_config",
    "data_dir",
    "cluster_conf",
)
#: Augmentation that works on waveforms, in a training YAML.
_OF_WAVEFORMS = re.compile(r"^ *(data_aug_effects|rir_scp|noise_scp) *:", re.MULTILINE)


def check(values: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Refuse values that cannot be, and those that do not go together.

    Args:
        values: The value of every option.
        environment: The variables of the process.

    Raises:
        UsageError: Saying which, and what would do.
    """
    for name, option in OPTIONS.items():
        option.check(values[name])
    _check_stages_and_sets(values)
    _check_data(values)
    _check_machines(values, environment)
    _check_depth(values)
    for name in _EXISTING:
        if values[name] and not Path(values[name]).exists():
            raise UsageError(f"--{name} {values[name]} does not exist")
    config = values["asr_config"]
    if values["feats_type"] != "raw" and config and _OF_WAVEFORMS.search(text_of(config)):
        raise UsageError(
            f"--asr_config {config} changes waveforms (preprocessor_conf), which --feats_type "
            f"{values['feats_type']} has not: remove data_aug_effects, rir_scp and noise_scp there"
        )
    for name in ("encoder_config", "feats_frontend"):
        if values[name] and not config:
            raise UsageError(f"--{name} is laid over --asr_config: name that too")


def text_of(path: str) -> str:
    """The text of a file; bytes that are not UTF-8 are reported by those who read it as YAML."""
    file = Path(path)
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _check_stages_and_sets(values: Mapping[str, str]) -> None:
    stage, stop_stage = values["stage"], values["stop_stage"]
    if int(stop_stage) < int(stage):
        raise UsageError(f"--stop_stage {stop_stage} is before --stage {stage}")
    for name in ("train_set", "valid_set", "test_sets"):
        if not values[name].strip():
            raise UsageError(f"--{name} is required")
    if values["train_set"] == values["valid_set"]:
        raise UsageError(f"train_set and valid_set are both {values['train_set']}")


def _check_data(values: Mapping[str, str]) -> None:
    feats_type = values["feats_type"]
    if feats_type not in ("raw", "extracted"):
        raise UsageError(f"--feats_type {feats_type}: raw or extracted")
    if feats_type != "raw" and values["speed_perturb_factors"] and not values["cepstra"]:
        raise UsageError(
            f"--speed_perturb_factors changes waveforms, which --feats_type {feats_type} has not: "
            "use raw; or, where the features are cepstra of a mel filterbank, say how they were "
            "made with --cepstra"
        )
    if feats_type != "raw" and values["channel"]:
        raise UsageError(
            f"--channel {values['channel']}: --feats_type {feats_type} has no channels"
        )
    if feats_type != "raw" and values["feats_frontend"]:
        raise UsageError(
            f"--feats_frontend {values['feats_frontend']} takes audio: --feats_type raw"
        )
    if values["asr_task"] != "asr":
        raise UsageError(f"--asr_task {values['asr_task']}: only asr")
    if values["use_ngram"] != "false":
        raise UsageError("--use_ngram: stage 9 is not there yet; use --use_lm true")
    if values["token_type"] not in ("bpe", "char", "word"):
        raise UsageError(f"--token_type {values['token_type']}: bpe, char or word")
    if values["skip_upload_hf"] != "true" and not values["hf_repo"]:
        raise UsageError("--skip_upload_hf false needs --hf_repo <user>/<name>")


def _check_machines(values: Mapping[str, str], environment: Mapping[str, str]) -> None:
    num_nodes, there = values["num_nodes"], environment.get("SLURM_JOB_NUM_NODES")
    if int(num_nodes) > int(there or 1):
        raise UsageError(
            f"--num_nodes {num_nodes} needs a Slurm allocation of so many (here: "
            f"{there or 'none'}). Submit: sbatch --nodes {num_nodes} train.sbatch <options>; or "
            f"start in salloc --nodes {num_nodes}"
        )
    if values["gpu_inference"] != "false" and not int(values["ngpu"]):
        if values["cluster"] == "local":
            raise UsageError("--gpu_inference true: say how many GPUs there are with --ngpu")


def _check_depth(values: Mapping[str, str]) -> None:
    loop_exit, threshold = values["loop_exit"], values["loop_exit_threshold"]
    if loop_exit not in ("", "latent", "kl", "labels", "acceleration"):
        raise UsageError(f"--loop_exit {loop_exit}: latent, kl, labels or acceleration")
    if loop_exit and not threshold:
        raise UsageError(
            f"--loop_exit {loop_exit} needs --loop_exit_threshold: "
            "see espnet-recursive sweep-loops --help"
        )
    if not loop_exit and (threshold or values["loop_exit_min"]):
        raise UsageError("--loop_exit_threshold and --loop_exit_min are for a --loop_exit")
