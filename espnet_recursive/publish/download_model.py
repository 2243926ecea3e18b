"""A published model as an experiment directory, which the stages of decoding take."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from espnet_recursive.errors import UserError
from espnet_recursive.files.access_tokens import without_tokens
from espnet_recursive.files.whole_files import write_if_changed
from espnet_recursive.model.checked_model import find_checked_model
from espnet_recursive.model.config_files import check_config_files
from espnet_recursive.model.find_model import FoundModel
from espnet_recursive.model.model_input import sampling_rate
from espnet_recursive.model.stored_weights import tensors_only
from espnet_recursive.model.weights import check_same_tokens, check_weights
from espnet_recursive.registry import import_quietly

#: Changes when any file of the model does, so that stages know when to decode again.
STAMP = "downloaded.json"


class _Part(NamedTuple):
    config: str
    weights: str
    folder: str
    module: str
    task: str


_PARTS = (
    _Part("asr_train_config", "asr_model_file", ".", "espnet2.tasks.asr", "ASRTask"),
    _Part("lm_train_config", "lm_file", "lm", "espnet2.tasks.lm", "LMTask"),
)


def download_model(model: str, asr_exp: Path | str, any_size: bool = False) -> dict[str, str]:
    """Lay a published model out as an experiment: configurations, and links to its weights.

    The recogniser stands in `asr_exp`, its language model, if it has one, in ``<asr_exp>/lm``, and
    what they were made from in STAMP. What else is there, such as decodings, stays.

    Args:
        model: A Hugging Face id, a tag of ESPnet's model zoo, a pack, or the folder of one.
        asr_exp: The experiment directory.
        any_size: Whether the model may be deeper and larger than models are.

    Returns:
        What the stages need to know: ``inference_asr_model``, ``inference_lm`` (empty without a
        language model), ``token_type``, ``bpemodel`` (empty where there is none), and ``fs``, the
        sampling rate in Hz.

    Raises:
        UserError: As ``espnet_recursive.Speech2Text.from_pretrained`` raises, or if a file of these
            names is there that was not written here; nothing is written then.
    """
    found, asr_exp = find_checked_model(model, any_size=any_size), Path(asr_exp)
    check_config_files(found.read_config("asr_train_config"), found.files["asr_train_config"])
    parts = [part for part in _PARTS if part.weights in found.files]
    for part in parts:
        _check_link(asr_exp / part.folder / found.files[part.weights].name)
        task = getattr(import_quietly(part.module), part.task)
        file, weights = found.files[part.config], found.files[part.weights]
        with tensors_only(published=bool(found.meta)):
            check_weights(task, found.read_config(part.config), file, weights)
    asr_config, *lm_configs = (part.config for part in parts)
    for key in lm_configs:
        check_same_tokens(
            found.read_config(asr_config),
            found.files[asr_config],
            found.read_config(key),
            found.files[key],
        )
    _check_own(asr_exp, [asr_exp / part.folder / "config.yaml" for part in parts])
    # First, so that an experiment of which only a part was written is known for one of ours.
    write_if_changed(asr_exp / STAMP, json.dumps(_origin(found), indent=2) + "\n")
    for part in parts:
        folder = asr_exp / part.folder
        write_if_changed(folder / "config.yaml", yaml.safe_dump(found.read_config(part.config)))
        _link(folder / found.files[part.weights].name, found.files[part.weights].absolute())
    config = found.read_config("asr_train_config")
    return {
        "inference_asr_model": found.files["asr_model_file"].name,
        "inference_lm": found.files["lm_file"].name if "lm_file" in found.files else "",
        "token_type": config.get("token_type") or "",
        "bpemodel": config.get("bpemodel") or "",
        "fs": str(sampling_rate(config)),
    }


def _check_own(asr_exp: Path, configs: Sequence[Path]) -> None:
    """Refuse to lay a model over an experiment that was trained or written by others."""
    if (asr_exp / STAMP).exists():
        return
    for config in configs:
        if config.exists():
            raise UserError(
                f"{config} is there, and {asr_exp} is no downloaded model (no {STAMP}): name "
                "another folder for this model."
            )


def _check_link(link: Path) -> None:
    """Refuse to put a link in the place of weights."""
    if link.exists() and not link.is_symlink():
        raise UserError(f"{link} is there and is no link to a model: name another folder.")


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    part = link.with_name(f".{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    os.replace(part, link)


def _origin(found: FoundModel) -> dict[str, object]:
    return {
        "model": without_tokens(found.name),
        "files": {
            key: {"path": str(path.absolute()), "time": path.stat().st_mtime_ns}
            for key, path in found.files.items()
        },
    }
