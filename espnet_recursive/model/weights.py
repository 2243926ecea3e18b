"""Whether a checkpoint is whole, and that of a configuration: ESPnet loads any without a word."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.checkpoint_file import check_checksums
from espnet_recursive.model.stored_weights import (
    check_stored,
    check_values,
    count_names,
    read_weights,
)
from espnet_recursive.recipe.fingerprint import tokens_of
from espnet_recursive.recipe.same_training import check_trained_with
from espnet_recursive.recipe.settings_differences import different_tokens
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import ENCODERS

_LAYER = re.compile(r"encoder\.encoders\.(\d+)\.")
#: Parts of the names that ESPnet's adapters have, LoRA's and Houlsby's.
_ADAPTERS = ("lora_", "adapter")


def recursion_of(config: Mapping[str, Any], source: Path | str) -> dict[str, int] | None:
    """The recursion of a trained model's configuration, as meta.yaml has it.

    Returns:
        The four keys of the tuple; None for an encoder without recursion.

    Raises:
        UserError: Naming `source`, if the values are impossible.
    """
    if config.get("encoder") not in ENCODERS:
        return None
    try:
        shape = RecursionShape.from_conf(config.get("encoder_conf") or {})
    except (TypeError, ValueError) as error:
        raise UserError(f"{source}: {error}") from error
    keys = ("prelude_blocks", "recurrent_blocks", "coda_blocks", "num_loops")
    return {key: getattr(shape, key) for key in keys}


def check_recursion(published: Any, config: Mapping[str, Any], source: str) -> None:
    """Refuse a configuration of another recursion than the one that the model was published with.

    The same weights fit several recursions, so nothing else can tell.

    Args:
        published: ``recursion`` of meta.yaml, None where it has no such key.
        config: The configuration.
        source: The model, for messages.

    Raises:
        UserError: Naming both.
    """
    here = recursion_of(config, source)
    if published is not None and published != here:
        raise UserError(
            f"{source}: meta.yaml says that the weights were trained as "
            f"{_tuple(published)}, its configuration says {_tuple(here)}. The weights may fit both "
            "and mean something in one only: fetch the model again, or put the trained values back."
        )


def check_weights(
    task: Any, config: Mapping[str, Any], config_file: Path | str, model_file: Path | str
) -> None:
    """Refuse a checkpoint that is damaged or not that of the configured model.

    Its checksums must be right, its training's settings those of the configuration (as far as it
    says them), its names and shapes those of the model, and its values numbers.

    Args:
        task: The ESPnet task that builds the model, such as ``ASRTask``.
        config: The configuration of the training.
        config_file: Where it comes from, for messages.
        model_file: The checkpoint.

    Raises:
        UserError: If the model cannot be built, the checkpoint cannot be read, or they do not fit,
            with some of the names.
    """
    check_stored(model_file)
    check_checksums(model_file)
    check_trained_with(config, config_file, model_file)
    stored: Mapping[str, torch.Tensor] = read_weights(model_file, "cpu")
    needed = _build(task, config, config_file).state_dict()
    check_values(stored, model_file)
    if config.get("use_adapter"):
        stored = _without_adapter(stored, needed, model_file)
    shapes = [
        f"{name}: {tuple(stored[name].shape)}, not {tuple(value.shape)}"
        for name, value in needed.items()
        if name in stored
        and stored[name].shape != value.shape
        # Not those by which modules keep counts: they read what older versions wrote.
        and not name.endswith("_extra_state")
    ]
    types = [
        f"{name}: {_type(stored[name])}, not {_type(value)}"
        for name, value in needed.items()
        if name in stored
        and stored[name].is_floating_point() != value.is_floating_point()
        and not name.endswith("_extra_state")
    ]
    differences = [
        count_names("missing", [name for name in needed if name not in stored]),
        count_names("left over", [name for name in stored if name not in needed]),
        count_names("of another shape", shapes),
        count_names("of another type", types),
    ]
    if found := [difference for difference in differences if difference]:
        raise UserError(
            f"{model_file} does not fit {config_file}: {'; '.join(found)}. "
            f"{_layers(stored, needed, config, config_file)}"
            "Name the config.yaml that these weights were trained with."
        )


def check_same_tokens(
    asr_config: Mapping[str, Any],
    asr_source: Path | str,
    lm_config: Mapping[str, Any],
    lm_source: Path | str,
) -> None:
    """Refuse a language model that means other tokens than the recogniser.

    Args:
        asr_config: The configuration of the recogniser.
        asr_source: Where it comes from, for messages.
        lm_config: The configuration of the language model.
        lm_source: Where it comes from, for messages.

    Raises:
        UserError: With the number of tokens that differ, and the first of them.
    """
    ours, theirs = tokens_of(asr_config), tokens_of(lm_config)
    if isinstance(ours, list) and isinstance(theirs, list) and ours != theirs:
        raise UserError(
            f"the language model of {lm_source} has another token_list than the recogniser of "
            f"{asr_source}: {different_tokens(theirs, ours)}. Train a language model on these "
            "tokens (stages 6 and 7, under another --lm_tag), or decode without one: "
            "--use_lm false"
        )


def build_model(task: Any, config: Mapping[str, Any], source: Path | str) -> torch.nn.Module:
    """Build the model of a configuration, for weights that are to be loaded.

    Args:
        task: The ESPnet task that builds it, such as ``ASRTask``.
        config: The configuration of the training.
        source: Where it comes from, for messages.

    Raises:
        UserError: If it cannot be built.
    """
    try:
        # None: the weights need not be initialised.
        return task.build_model(argparse.Namespace(**{**config, "init": None}))
    except Exception as error:
        cause = error.__cause__ if isinstance(error, UserError) else error
        if isinstance(cause, OSError):
            # A file that the configuration names; ESPnet looks for it in the current folder.
            file = f"{cause.filename} cannot be read" if cause.filename else "a file cannot be read"
            raise UserError(
                f"{source}: its model cannot be built, {file}: {cause.strerror or reason(cause)}. "
                "Was the experiment moved, or is this another folder than it was trained in?"
            ) from error
        said = " ".join(reason(error).split())
        raise UserError(
            f"{source}: its model cannot be built by the versions installed here: {said}"
        ) from error


def _build(task: Any, config: Mapping[str, Any], source: Path | str) -> torch.nn.Module:
    try:
        with torch.device("meta"):  # names and shapes are all that is asked
            return build_model(task, config, source)
    except UserError as error:
        if not isinstance(error.__cause__, (NotImplementedError, RuntimeError)):
            raise
    # Some of ESPnet's frontends compute while they are built, which needs values.
    return build_model(task, config, source)


def _without_adapter(
    stored: Mapping[str, torch.Tensor], needed: Mapping[str, Any], model_file: Path | str
) -> dict[str, torch.Tensor]:
    """The weights of an adapted model that it has without its adapter, too.

    Raises:
        UserError: If these are not all there, or no adapter is.
    """
    adapter = [name for name in stored if any(part in name for part in _ADAPTERS)]
    missing = [name for name in needed if name not in stored]
    if missing and adapter:
        raise UserError(
            f"{model_file} holds the adapter and {len(needed) - len(missing)} of the "
            f"{len(needed)} weights of the model that it adapts (save_strategy); ESPnet would "
            "leave the others at random values. Train with --save_strategy all: a training that "
            "goes on for another epoch (--max_epoch) writes all of them, too."
        )
    if not adapter:
        raise UserError(
            f"{model_file} holds no adapter, with which its configuration (use_adapter) was "
            "trained: name the config.yaml of these weights."
        )
    return {name: value for name, value in stored.items() if name not in adapter}


def _layers(
    stored: Mapping[str, Any], needed: Mapping[str, Any], config: Mapping[str, Any], source: Any
) -> str:
    """Describe the recursion that the weights come from, where it is another one."""
    there, here = (
        {match[1] for name in names if (match := _LAYER.match(name))} for names in (stored, needed)
    )
    if len(there) == len(here):
        return ""
    of_config = recursion_of(config, source)
    recursion = f", {_tuple(of_config)}," if of_config else ""
    return (
        f"The weights hold {len(there)} encoder layers, so prelude, recurrent block and coda have "
        f"{len(there)} together; this configuration{recursion} has {len(here)}. "
    )


def _type(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _tuple(recursion: Any) -> str:
    """ "{n_r, L, n_p, n_c}", or what stands in its place."""
    if recursion is None:
        return "an encoder without recursion"
    try:
        return str(RecursionShape(**recursion))
    except (TypeError, ValueError):
        return repr(recursion)
