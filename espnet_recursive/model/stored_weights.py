"""Weights as they are stored: read without running anything, damaged and made-up ones refused."""

import os
import pickle
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.checkpoint_file import is_zip

#: How torch names what it does not make of a pickle.
_OBJECT = re.compile(
    r"(?:GLOBAL|[Uu]nsupported (?:global|class|operand)):? (?:GLOBAL )?([A-Za-z_][\w.]*)"
)
#: At most this many names are listed in a message.
_SHOWN = 3


def read_weights(model_file: Path | str, device: str = "meta") -> dict[str, torch.Tensor]:
    """Read a checkpoint's weights.

    Args:
        model_file: The checkpoint.
        device: Where to put them; "meta" reads names and shapes without the values.

    Nothing in the file is run: whatever is no tensor, number, text or container is refused.

    Raises:
        UserError: If the file is no checkpoint, was cut off, holds something else, or would run
            code.
    """
    check_stored(model_file)
    try:
        # On the CPU, values are read from the file when they are looked at.
        mmap = device == "cpu" and is_zip(model_file)
        weights = torch.load(model_file, map_location=device, weights_only=True, mmap=mmap)
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"{model_file} cannot be read as weights of a model: {reason(error)}"
        ) from error
    except Exception as error:  # of pickle, torch and Python, for every byte that can be wrong
        said = (reason(error).splitlines() or [""])[0]
        if isinstance(error, pickle.UnpicklingError) and _OBJECT.search(str(error)):
            raise UserError(
                f"{model_file} cannot be read as weights of a model: it holds objects of Python "
                f"({_OBJECT.search(str(error))[1]}), and reading those runs code. "  # type: ignore
                "Whoever trained it can save the tensors alone: torch.save(model.state_dict())."
            ) from error
        raise UserError(
            f"{model_file} cannot be read as weights of a model: {said.rstrip('.')}. "
            "Was it copied or downloaded as a whole?"
        ) from error
    # Where DeepSpeed and Lightning keep the weights; ESPnet looks there too.
    for key in ("module", "state_dict"):
        if isinstance(weights, dict) and isinstance(weights.get(key), dict):
            weights = weights[key]
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and torch.is_tensor(value) for name, value in weights.items()
    ):
        raise UserError(
            f"{model_file} holds something else than weights. The state of a training, "
            "checkpoint.pth, cannot be decoded with: name an <epoch>epoch.pth or an average."
        )
    if bad := [name for name, value in weights.items() if not _is_plain(value, device)]:
        raise UserError(
            f"{model_file}: {count_names('of its tensors are sparse, nested or quantised', bad)}, "
            "and those are no weights of ESPnet's."
        )
    return weights


@contextmanager
def tensors_only(published: bool) -> Iterator[None]:
    """Have no file run code that ``torch.load`` reads in this block, whoever calls it.

    Some of ESPnet's encoders and frontends read further weights that their options name, by their
    own calls and those of fairseq and s3prl, some of which ask for everything that a file holds.

    Args:
        published: Whether the model is a published one; others may read what they like.
    """
    if not published:
        yield
        return
    with_all, with_none = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = {name: os.environ.pop(name, None) for name in (with_all, with_none)}
    os.environ[with_none] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def check_values(weights: Mapping[str, torch.Tensor], model_file: Path | str) -> None:
    """Refuse weights that are not all numbers.

    Args:
        weights: The weights.
        model_file: Where they come from, for messages.

    Raises:
        UserError: If there are NaN or infinite values, with some of the names.
    """
    # Masks, which are infinite where they mask, are no weights.
    values = {k: v for k, v in weights.items() if not k.endswith("mask")}
    if bad := [name for name, value in values.items() if not _all_numbers(value)]:
        raise UserError(
            f"{model_file} holds values that are no numbers (NaN or infinite): of {len(weights)} "
            f"parts, {count_names('hold such', bad)}. Such a model recognises nothing: its "
            "training diverged. Take an earlier epoch, or train with a smaller learning rate."
        )


def count_names(what: str, names: list[str]) -> str:
    """Say how many names there are, and the first of them; "" where there are none."""
    dots = ", ..." if len(names) > _SHOWN else ""
    # Those of a stranger may hold what changes a terminal.
    shown = [name if name.isprintable() else repr(name) for name in names[:_SHOWN]]
    return f"{len(names)} {what} ({', '.join(shown)}{dots})" if names else ""


def check_stored(model_file: Path | str) -> None:
    """Refuse a checkpoint that is larger in memory: torch.save compresses nothing.

    Raises:
        UserError: With both sizes. What is wrong otherwise is said when it is read.
    """
    try:
        with zipfile.ZipFile(model_file) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
        return  # in another format, which holds its values as they are, or said when it is read
    size, there = sum(member.file_size for member in members), Path(model_file).stat().st_size
    if size > there or any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise UserError(
            f"{model_file} has {there:,} bytes, its tensors would take {size:,}: it was compressed "
            "or made up, and is not loaded."
        )


def _is_plain(value: torch.Tensor, device: str) -> bool:
    """Whether a tensor holds its values one beside the other, each as a number."""
    there = device == "meta" or not value.is_meta
    return there and value.layout == torch.strided and not (value.is_nested or value.is_quantized)


def _all_numbers(value: torch.Tensor) -> bool:
    if not value.is_floating_point() or value.numel() == 0:
        return True
    return all(bool(end.isfinite()) for end in torch.aminmax(value))  # NaN is either end of all
