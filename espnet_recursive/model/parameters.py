"""Sizes of encoders: layers alone, as the paper counts, the encoder in all, and operations."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.loaded_model import STOCK_NAMES
from espnet_recursive.model.operations import flops_per_second
from espnet_recursive.recipe.train_config import build_encoder, espnet_encoder_class
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import ENCODERS, encoder_class


@dataclass(frozen=True)
class EncoderSize:
    """Layers and parameters of an encoder.

    Attributes:
        name: The configuration's name.
        shape: The tuple {n_r, L, n_p, n_c}; a stock encoder of N layers is {N, 1, 0, 0}.
        unique_blocks: Layers that have parameters.
        executed_blocks: Layer executions in a forward pass.
        layers: Parameters in the layers, with what is private to a loop.
        encoder: Parameters in all: with the input layer and the final norm.
        private: Those of `layers` that are private to a loop, or adapt what a loop takes.
        flops: Operations for each second of audio; None where they were not counted.
    """

    name: str
    shape: RecursionShape
    unique_blocks: int
    executed_blocks: int
    layers: int
    encoder: int
    private: int = 0
    flops: float | None = field(default=None, compare=False)


def measure(name: str, encoder: Any) -> EncoderSize:
    """Count a recursive or a stock encoder; a stock one of N layers is {N, 1, 0, 0}."""
    return _size(
        name,
        getattr(encoder, "shape", None),
        {f"encoder.{key}": value.numel() for key, value in encoder.named_parameters()},
    )


def measure_config(path: Path | str, input_size: int = 80, operations: bool = False) -> EncoderSize:
    """Count the encoder of a YAML with the keys ``encoder`` and ``encoder_conf``.

    Args:
        path: An encoder file, or any ESPnet training YAML.
        input_size: Dimension of the input features.
        operations: Whether to count operations, too; not of encoders that take tokens, or have no
            recursive one over them.

    Raises:
        UserError: If there is no such encoder, it cannot be built, or it has no stack of layers.
    """
    config = read_yaml(path)
    name = config.get("encoder", "none")
    if name in ENCODERS:
        cls = encoder_class(name)
    else:  # ESPnet's own names: its tasks take seconds to import, so only where they are needed
        cls = espnet_encoder_class(name, source=path)
    conf = config.get("encoder_conf", {})
    encoder = build_encoder(cls, conf, input_size, source=path)
    if not isinstance(getattr(encoder, "encoders", None), torch.nn.Module):
        raise UserError(f"{path}: the encoder {name} has no stack of layers to count")
    size = measure(Path(path).stem, encoder)
    known = (*ENCODERS, *STOCK_NAMES.values())
    if operations and name in known and conf.get("input_layer") != "embed":
        return replace(size, flops=flops_per_second(encoder, input_size))
    return size


def measure_state_dict(
    name: str, state_dict: Mapping[str, torch.Tensor], shape: RecursionShape | None
) -> EncoderSize:
    """Count the encoder of a trained ESPnet model from its weights alone.

    Args:
        name: A name for the model.
        state_dict: The weights of an ESPnet model that has an encoder.
        shape: Its recursion; None for a stock encoder.
    """
    weights = parameters_of(state_dict).items()
    return _size(
        name, shape, {key: value.numel() for key, value in weights if key.startswith("encoder.")}
    )


def parameters_of(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leave out what ESPnet saves with the weights but does not train.

    That is BatchNorm's statistics, the mel filters, and the mean and variance of the features.
    """
    return {
        key: value
        for key, value in state_dict.items()
        if not key.endswith(_BUFFERS) and not key.startswith("normalize.")
    }


#: Ends of names of what is saved with the weights but is no parameter.
_BUFFERS = (".running_mean", ".running_var", ".num_batches_tracked", ".melmat", "._extra_state")
_LAYERS = "encoder.encoders."
#: What a recursive stack holds beside its layers.
_PRIVATE = ("input_injection", "loop_signals", "private_weights", "loop_pooling", "loop_scale")


def _size(name: str, shape: RecursionShape | None, weights: Mapping[str, int]) -> EncoderSize:
    """Count parameters by the names that they have in an ESPnet model."""
    in_stack: dict[str, int] = {}
    for key, size in weights.items():
        if key.startswith(_LAYERS):
            child = key.removeprefix(_LAYERS).split(".")[0]
            in_stack[child] = in_stack.get(child, 0) + size
    unique = len(in_stack.keys() - set(_PRIVATE))
    shape = shape or RecursionShape(unique, 1, 0, 0)
    return EncoderSize(
        name,
        shape,
        unique,
        shape.executed_blocks,
        layers=sum(in_stack.values()),
        encoder=sum(weights.values()),
        private=sum(in_stack.get(part, 0) for part in _PRIVATE),
    )
