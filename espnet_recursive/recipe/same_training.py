"""Settings that weights were not trained with are refused: beside them, and to go on training.

ESPnet writes the options of a run into config.yaml before it looks whether there is a training to
go on with. It goes on with weights that fit by their shapes, and with the optimiser as it was, or
says "finished"; from then on config.yaml tells what was never trained.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import check_checksums
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recipe.fingerprint import fingerprint_of, read_fingerprint
from espnet_recursive.recipe.settings_differences import settings_differences
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import ENCODERS

_OPTIMISER = ("optim", "scheduler", "exclude_weight_decay")
#: So many differences are enough to see what is wrong.
_SHOWN = 6
#: Characters of one of them.
_LONGEST = 300


def refuse_other_trainings() -> None:
    """Have every ESPnet command that trains refuse, before it writes, to go on with another one."""
    wrapt.register_post_import_hook(_wrap_task, "espnet2.tasks.abs_task")


def _wrap_task(module: ModuleType) -> None:
    # Called with the options as they were read, before processes are started and files written.
    wrapt.wrap_function_wrapper(module, "AbsTask.check_required_command_args", _check_options)


def _check_options(
    check: Callable[..., None], _cls: Any, args: tuple[Any, ...], kwargs: Any
) -> None:
    check(*args, **kwargs)
    options: argparse.Namespace = kwargs["args"] if kwargs else args[0]
    checkpoint = Path(options.output_dir) / "checkpoint.pth"
    # Without resume a new training takes the old one's place. The other two train nothing, but
    # would replace the config.yaml of the weights that are there.
    if checkpoint.is_file() and (options.resume or options.dry_run or options.collect_stats):
        check_same_training(vars(options), checkpoint)
        if options.resume:
            check_checksums(checkpoint)


def check_trained_with(
    config: Mapping[str, Any], config_file: Path | str, checkpoint: Path | str
) -> None:
    """Refuse a configuration that the weights were not trained with.

    Args:
        config: The configuration.
        config_file: Where it comes from, for messages.
        checkpoint: The weights; those without a fingerprint are not looked at.

    Raises:
        UserError: Naming the keys, both values and the remedy.
    """
    trained = read_fingerprint(checkpoint)
    if trained is None:
        return
    if found := list(settings_differences(trained.settings, fingerprint_of(config).settings)):
        raise UserError(
            f"{checkpoint} was not trained with {config_file}: {_list(found)}"
            f"{_recursions(trained.settings, config)}. Put the trained values back there, name the "
            f"configuration of these weights, or train under another {_tag(config)}."
        )


def check_beside(config_file: Path | str) -> None:
    """Refuse a config.yaml that the weights beside it were not trained with.

    Raises:
        UserError: As :func:`check_trained_with`.
    """
    folder = Path(config_file).parent
    found = (folder / "checkpoint.pth", *sorted(folder.glob("*.pth")))
    checkpoint = next((path for path in found if path.is_file()), None)
    if checkpoint is not None:
        check_trained_with(read_yaml(config_file), config_file, checkpoint)


def check_same_training(options: Mapping[str, Any], checkpoint: Path | str) -> None:
    """Refuse to go on with a training under other options than it began with.

    Args:
        options: ESPnet's options of the run that begins.
        checkpoint: checkpoint.pth of the training; one without a fingerprint is not looked at.

    Raises:
        UserError: Naming the keys, both values and the remedy.
    """
    trained = read_fingerprint(checkpoint)
    if trained is None:
        return
    now = fingerprint_of(options, with_data=True)
    # ESPnet adds to its options while it builds a model, and other versions have others.
    common = trained.settings.keys() & now.settings.keys()
    found = [
        *settings_differences(
            *({k: s[k] for k in sorted(common)} for s in (trained.settings, now.settings))
        ),
        *settings_differences(trained.data, now.data),
    ]
    if not found:
        return
    folder, tag = Path(checkpoint).parent, _tag(options)
    optimiser = (
        "A training that goes on keeps the optimiser that it began with; to start another from "
        f"these weights, give it another {tag} and --init_param {folder}/<epoch>epoch.pth. "
        if any(text.startswith(_OPTIMISER) for text in found)
        else ""
    )
    raise UserError(
        f"{folder} holds a training that began with other settings: {_list(found)}"
        f"{_recursions(trained.settings, options)}. {optimiser}Train under another {tag}, or "
        f"remove {folder} to train anew. (max_epoch, batch sizes, GPUs and logging may change.)"
    )


def _list(found: list[str]) -> str:
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    # A checkpoint of a stranger may hold any text.
    shown = "; ".join(
        text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..." for text in found[:_SHOWN]
    )
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in shown) + more


def _recursions(trained: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The tuples of both, where these are what differs."""
    shapes = []
    for values in (trained, config):
        if values.get("encoder") not in ENCODERS:
            return ""
        try:
            shapes.append(str(RecursionShape.from_conf(values.get("encoder_conf") or {})))
        except (TypeError, ValueError):
            return ""
    return "" if shapes[0] == shapes[1] else f" (trained as {shapes[0]}, now {shapes[1]})"


def _tag(config: Mapping[str, Any]) -> str:
    return "--lm_tag" if "lm" in config else "--asr_tag"
