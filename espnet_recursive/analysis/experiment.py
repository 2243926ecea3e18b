"""Facts about a trained model, read from its ESPnet experiment directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from espnet2.train.reporter import Reporter

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import check_checksums
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.parameters import (
    EncoderSize,
    measure_state_dict,
    parameters_of,
)
from espnet_recursive.recipe.results import find_scores
from espnet_recursive.recipe.same_training import check_trained_with
from espnet_recursive.recipe.scoring import Score
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import ENCODERS


@dataclass(frozen=True)
class Experiment:
    """A trained model: its size, learning curves and scores.

    Attributes:
        path: The experiment directory.
        size: Parameters of the encoder.
        parameters: Parameters of the whole model.
        curves: Values of each epoch: ``curves["train"]["loss"]`` is {1: ..., 2: ...}.
        scores: For each unit ("wer", "cer", "ter") the Score of each "<decoding>/<data set>".
    """

    path: Path
    size: EncoderSize
    parameters: int
    curves: dict[str, dict[str, dict[int, float]]]
    scores: dict[str, dict[str, Score]]

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.path.name


def read_experiment(path: Path | str) -> Experiment:
    """Read an ESPnet experiment directory.

    Args:
        path: A directory with config.yaml and checkpoint.pth.

    Raises:
        UserError: If it is no such directory, or its config.yaml is not that of its training.
    """
    path = Path(path)
    for name in ("config.yaml", "checkpoint.pth"):
        if not (path / name).exists():
            raise UserError(f"{path} has no {name}: name the directory of a trained model.")
    config = read_yaml(path / "config.yaml")
    check_trained_with(config, path / "config.yaml", path / "checkpoint.pth")
    check_checksums(path / "checkpoint.pth")
    states = torch.load(path / "checkpoint.pth", map_location="cpu", weights_only=True)
    weights = states["model"]
    return Experiment(
        path=path,
        size=measure_state_dict(path.name, weights, _shape(config)),
        parameters=sum(value.numel() for value in parameters_of(weights).values()),
        curves=_curves(states["reporter"]),
        scores={unit: find_scores(path, unit) for unit in ("wer", "cer", "ter")},
    )


def _shape(config: dict[str, Any]) -> RecursionShape | None:
    if config["encoder"] in ENCODERS:
        return RecursionShape.from_conf(config["encoder_conf"])
    return None


def _curves(state: dict[str, Any]) -> dict[str, dict[str, dict[int, float]]]:
    reporter = Reporter()
    reporter.load_state_dict(state)
    epochs = range(1, reporter.get_epoch() + 1)
    return {
        phase: {
            key: {
                e: reporter.get_value(phase, key, e) for e in epochs if reporter.has(phase, key, e)
            }
            for key in ("loss", "loss_ctc", "loss_att", "acc")
        }
        for phase in ("train", "valid")
    }
