"""Figures that follow from the parameters alone."""

from dataclasses import dataclass
from pathlib import Path

from espnet_recursive.model.parameters import measure_config

from .work import FEATURES


@dataclass(frozen=True)
class Counted:
    """The layers of an encoder, without input layer and final norm, in bytes.

    Attributes:
        row: A row of the tables.
        all_reduce: What a training step exchanges between GPUs: a gradient in fp32 for each weight.
        optimizer: Adam's two moments in fp32.
    """

    row: str
    all_reduce: int
    optimizer: int


def count(folder: Path, row: str) -> Counted:
    """Count a row."""
    weights = measure_config(folder / f"{row}.yaml", FEATURES).layers
    return Counted(row, 4 * weights, 8 * weights)
