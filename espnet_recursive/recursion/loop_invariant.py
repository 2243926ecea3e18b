"""Loop-invariant values: the same in all loops of a pass, so computed once.

* The projection of relative positions, ``linear_pos(pos_emb)`` of a layer: neither its weight nor
  its input changes between loops. Its gradient is then the sum over the loops, as it would be.
* The masks: at inference, a batch without padding needs none, and each layer would turn them
  around, spread them over heads and frames and fill in nothing.

Projections travel with the positions that they are made of, not with the layer. So passes in
several threads do not meet, and a loop that is computed once more in the backward pass finds them.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from espnet_recursive.recursion.loop_strides import strided_positions

Tensor = torch.Tensor


class LoopInvariantLinear(torch.nn.Linear):
    """A linear layer that looks for its output on its input first.

    Attributes:
        slot: Where its output stands in ``projections`` of its input.
        compute: What computes in its place, of the same weights; None for the layer itself.
    """

    slot: int
    compute: torch.nn.Module | None

    def forward(self, x: Tensor) -> Tensor:
        """Args: x (..., in). Returns: (..., out)."""
        projections = getattr(x, "projections", None)
        if projections is not None:
            return projections[self.slot]
        return super().forward(x) if self.compute is None else self.compute(x)


def make_invariant(linear: torch.nn.Linear, slot: int) -> None:
    """Make a linear layer one of these; it keeps its parameters, their names and its hooks.

    Args:
        linear: The layer.
        slot: How many of its layer of the recurrent block come before it.
    """
    assert type(linear) is torch.nn.Linear
    linear.__class__ = LoopInvariantLinear
    linear.slot = slot  # type: ignore[assignment]
    linear.register_module("compute", None)


class LoopInvariants:
    """The loop-invariant values of one pass.

    Args:
        block: The layers of the recurrent block.
        positions: The embedding of relative positions, (1, T', D); none for other positions.
        masks: (B, 1, T) bool, True in the utterance, or None.

    Attributes:
        masks: Those that the layers need; None where nothing is padded.
        positions: For each layer of the block, the positions with its projections.
    """

    def __init__(
        self, block: Sequence[torch.nn.Module], positions: Sequence[Tensor], masks: Any
    ) -> None:
        self.masks = masks if masks is None or _needed(masks) else None
        self.positions = [[_projected(layer, x) for x in positions] for layer in block]

    def positions_at(self, stride: int, frames: int) -> list[list[Tensor]]:
        """The positions of a loop that pools `stride` of the T `frames` into one."""
        return [[strided_positions(x, frames, stride) for x in of] for of in self.positions]


def _projected(layer: torch.nn.Module, x: Tensor) -> Tensor:
    """The positions for a layer, with its projections where it has any."""
    linears = [m for m in layer.modules() if isinstance(m, LoopInvariantLinear)]
    # The weights of FSDP are whole only while their layer runs.
    if not linears or any(isinstance(linear.weight, DTensor) for linear in linears):
        return x
    # Another tensor of the same values: autograd holds `x`, which must not hold what it computed.
    carrier: Any = x.view_as(x)
    carrier.projections = [linear(x) for linear in linears]
    return carrier


def _needed(masks: Tensor) -> bool:
    """Whether anything is padded, or may be when what is written down now is run again.

    In training nearly every batch is padded, and a GPU should not be waited for to learn it.
    """
    if torch.is_grad_enabled() or torch.jit.is_tracing() or torch.compiler.is_compiling():
        return True
    return not bool(masks.all())
