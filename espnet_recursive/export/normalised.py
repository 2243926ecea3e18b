"""Features to normalised features, as a module that can be traced."""

import sys
from contextlib import ExitStack
from typing import Any

import torch

from espnet_recursive.errors import UserError
from espnet_recursive.export.replaced import replaced
from espnet_recursive.registry import import_quietly

_normalisers = tuple(
    getattr(import_quietly(f"espnet2.layers.{module}"), name)
    for module, name in (("global_mvn", "GlobalMVN"), ("utterance_mvn", "UtteranceMVN"))
)

Tensor = torch.Tensor


class Normalised(torch.nn.Module):
    """The normalisation of a model.

    Args:
        model: ESPnet's, whose normalisation is one that ``check_normalisation`` takes.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.normalize = model.normalize

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalise.

        Args:
            features: (B, T, F), anything in the padding.
            lengths: (B,) int64.

        Returns:
            (B, T, F), 0 in the padding, and (B,) the lengths.
        """
        features = features.masked_fill(pad_mask(lengths, features), 0.0)
        if self.normalize is None:
            return features, lengths
        with ExitStack() as stack:
            module = sys.modules[type(self.normalize).__module__]
            stack.enter_context(replaced(module, "make_pad_mask", pad_mask))
            return self.normalize(features, lengths)


def check_normalisation(model: Any) -> None:
    """Refuse a normalisation that cannot be in the file.

    Raises:
        UserError: Naming it.
    """
    if not isinstance(model.normalize, (*_normalisers, type(None))):
        name = type(model.normalize).__name__
        raise UserError(f"normalize {name} cannot be in the file: global_mvn and utterance_mvn can")


def pad_mask(lengths: Tensor, xs: Tensor, length_dim: int = 1) -> Tensor:
    """(B, T, 1), True in the padding of (B, T, F). ESPnet's is a constant in a trace."""
    return (torch.arange(xs.size(1)) >= lengths[:, None])[..., None]
