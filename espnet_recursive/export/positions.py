"""ESPnet's sinusoidal positions computed from the length, without their table.

ESPnet keeps a table of 5000 positions and more. Traced, it would stand in the file (10 MB at
D = 512, 20 MB with relative positions) and end what may be encoded at its length.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from espnet_recursive.export.replaced import replaced
from espnet_recursive.registry import import_quietly

_embedding = import_quietly("espnet2.legacy.nets.pytorch_backend.transformer.embedding")


@contextmanager
def computed_positions(encoder: torch.nn.Module) -> Iterator[None]:
    """Have the positional encodings of `encoder` compute what they need at each pass."""
    for module in encoder.modules():
        if table := _table_of(module):
            extend = partial(_extend, module, table)
            with replaced(module, "pe", module.pe), replaced(module, "extend_pe", extend):
                yield
            return  # an encoder has one of them, in its input layer
    yield


def sinusoids(positions: torch.Tensor, size: int) -> torch.Tensor:
    """The table of some positions, as ESPnet computes it.

    Args:
        positions: (T,) float.
        size: D, even.

    Returns:
        (1, T, D), sines in the even places and cosines in the odd ones.
    """
    steps = torch.arange(0, size, 2, dtype=torch.float32) * -(math.log(10000.0) / size)
    angles = positions[:, None] * torch.exp(steps)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[None]


def _extend(
    module: Any, table: Callable[[Any, torch.Tensor], torch.Tensor], x: torch.Tensor
) -> None:
    # Not the length as it is: an exporter takes the range of a number for a constant.
    frames = torch.arange(x.size(1), device=x.device).to(x.dtype)
    module.pe = sinusoids(table(module, frames), module.d_model)


def _from_zero(module: Any, frames: torch.Tensor) -> torch.Tensor:
    """0, 1, ..., T - 1."""
    return frames


def _both_ways(module: Any, frames: torch.Tensor) -> torch.Tensor:
    """T - 1, ..., 1, 0, -1, ..., -(T - 1): those of keys to the left first."""
    return torch.cat([frames.flip(0), -frames[1:]])


def _from_the_end(size: int, module: Any, frames: torch.Tensor) -> torch.Tensor:
    """The last positions of ESPnet's table, downwards: it slices the reversed table there."""
    return torch.clamp(frames.amax(), min=size - 1) - frames


def _table_of(module: Any) -> Callable[[Any, torch.Tensor], torch.Tensor] | None:
    match module:
        case _embedding.RelPositionalEncoding():
            return _both_ways
        case _embedding.LegacyRelPositionalEncoding():
            return partial(_from_the_end, module.pe.size(1))
        case _embedding.PositionalEncoding():  # with its subclass for scaled ones
            return _from_zero
    return None
