"""Rows of conf/encoder/ as recursive encoders, and as ESPnet's own of the same depth."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from espnet_recursive.recipe.train_config import read_encoder_config
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import encoder_class

from .work import FEATURES


class Unavailable(Exception):
    """A competitor cannot be had here; the message says why."""


def row_conf(folder: Path, row: str) -> tuple[str, dict[str, Any]]:
    """The name of a row's encoder and its encoder_conf."""
    config = read_encoder_config(folder / f"{row}.yaml")
    return config["encoder"], config["encoder_conf"]


def recursive(folder: Path, row: str, conf: Mapping[str, Any]) -> torch.nn.Module:
    """A row, with some options in the place of its own.

    Raises:
        Unavailable: If this version of the encoders lacks an option.
    """
    name, own = row_conf(folder, row)
    cls = encoder_class(name)
    if missing := set(conf) - set(inspect.signature(cls).parameters):
        raise Unavailable(f"{name} has no option {', '.join(sorted(missing))}")
    return cls(FEATURES, **own | dict(conf))


def stock(folder: Path, row: str, conf: Mapping[str, Any]) -> torch.nn.Module:
    """ESPnet's encoder with as many layers as a row executes, each with its own weights."""
    name, own = row_conf(folder, row)
    _, cls = encoder_class(name).__bases__  # ours, and below it ESPnet's
    known = inspect.signature(cls).parameters
    dimensions = {key: value for key, value in own.items() if key in known and key != "use_sdpa"}
    layers = RecursionShape.from_conf(own).executed_blocks
    return cls(FEATURES, **dimensions | {"num_blocks": layers} | dict(conf))
