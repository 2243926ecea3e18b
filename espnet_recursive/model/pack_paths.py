"""Whether what a pack names lies in it: loading a pack reads its own files and no others."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError

#: Options of a training that loading a model never reads: data, logs, states, other machines. Their
#: values are those of the machine that trained, and stay as they are.
_OF_TRAINING = re.compile(
    r"(train|valid|dist|log|wandb|optim|scheduler|num_att_plot|best_model|collect|print|keep)"
    r"(_.*|\d*)|config|output_dir|init_param|pretrain_path|rir_scp|noise_scp|deepspeed_config"
)
#: Text that is never a path, and often looks like one.
_TEXT = ("token_list",)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def file_in_pack(name: str, folder: Path, source: str, key: str) -> Path:
    """The file of a pack that a key names.

    Args:
        name: Its name, relative to the folder.
        folder: The unpacked pack.
        source: The model, for messages.
        key: The key, for messages.

    Raises:
        UserError: If it lies elsewhere, with links resolved, is not there, or is no file.
    """
    path = folder / name
    if not _is_inside(path, folder):
        raise UserError(
            f"{source}: {key} names {name!r}, which is outside of the model: it is not loaded"
        )
    if not os.path.isfile(path):  # a pipe, for instance, would be waited for
        there = "is no file" if os.path.exists(path) else "is not there"
        raise UserError(f"{source}: {key} names {path}, which {there}. Fetch it again.")
    return path


def paths_in_pack(config: Mapping[str, Any], folder: Path, source: Path | str) -> dict[str, Any]:
    """A configuration in which whatever a pack names is in the pack.

    Names start from the pack's folder, never from the current one: a name that the pack does not
    have, and the current folder has, becomes that of a missing file of the pack.

    Args:
        config: The content of a config.yaml of the pack.
        folder: The unpacked pack.
        source: The config.yaml, for messages.

    Returns:
        It, with absolute paths in the place of names of files.

    Raises:
        UserError: Naming the key whose value leads elsewhere, with links resolved.
    """
    # Of a language model ESPnet builds the network alone: these may lie elsewhere, unread.
    unread = {"bpemodel", "non_linguistic_symbols"} if "lm" in config else set()
    of_files = {"bpemodel"} if config.get("token_type") == "bpe" else set()
    of_files |= {"non_linguistic_symbols", "stats_file", "token_list"}
    anchored = {}
    for key, value in config.items():
        if _OF_TRAINING.fullmatch(key):
            anchored[key] = value
        elif key in unread and isinstance(value, str):
            path = folder / value
            anchored[key] = str((path if _is_inside(path, folder) else folder).absolute())
        else:
            anchored[key] = _anchored(value, folder, f"{source}: {key}", key in of_files)
    return anchored


def _anchored(value: Any, folder: Path, where: str, is_file: bool) -> Any:
    if isinstance(value, dict):
        return {
            key: _anchored(item, folder, f"{where}.{key}", key == "stats_file")
            for key, item in value.items()
        }
    if isinstance(value, list):
        if where.endswith(_TEXT):
            return value
        return [_anchored(item, folder, where, is_file) for item in value]
    if not isinstance(value, str) or not value or (is_file and value == "none"):
        return value
    return _anchored_name(value, folder, where, is_file)


def _anchored_name(name: str, folder: Path, where: str, is_file: bool) -> str:
    if name == "/":  # between words
        return name
    if _ADDRESS.match(name):
        raise UserError(f"{where} names {name!r}, from where more would be fetched: not loaded")
    looks_like_path = "/" in name or "." in name
    leads_out = (name[0] in "/~" and len(name) > 1) or ".." in Path(name).parts
    if leads_out or "\0" in name or (looks_like_path and not _is_inside(folder / name, folder)):
        raise UserError(f"{where} names {name!r}, which is outside of the model: it is not loaded")
    if is_file or (looks_like_path and (os.path.lexists(folder / name) or os.path.lexists(name))):
        return str((folder / name).absolute())
    return name


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, names that are none
        return False
    return any(resolved.is_relative_to(root) for root in _roots(folder))


def _roots(folder: Path) -> Iterator[Path]:
    """Where the files of a pack may lie."""
    yield folder.resolve()
    # The hub's cache: snapshots/<commit> holds links to blobs/<checksum> beside it.
    blobs = folder.absolute().parent.parent / "blobs"
    if folder.absolute().parent.name == "snapshots" and blobs.is_dir() and not blobs.is_symlink():
        yield blobs.resolve()
