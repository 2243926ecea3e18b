"""What is the same in all loops of a pass, computed once.

* The projection of relative positions, ``linear_pos(pos_emb)`` of a layer: neither its weight nor
  its input changes between loops. Its gradient is then the sum over the loops, as it would be.
* The masks: at inference, a batch without padding needs none, and each layer would turn them
  around, spread them over heads and frames and fill in nothing.

A value is in a layer only while that layer runs, and belongs to the pass, not to the layer: what
is computed once more within the backward pass finds the same, and an exception leaves nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

Tensor = torch.Tensor


class LoopInvariantLinear(torch.nn.Linear):
    """A linear layer that may know what it gives for an input.

    Attributes:
        known: Input and output; None for nothing known.
        compute: What computes in its place where nothing is known; None for the layer itself.
    """

    known: tuple[Tensor, Tensor] | None = None
    compute: torch.nn.Module | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Args: x (..., in). Returns: (..., out)."""
        if self.known is not None and self.known[0] is x:
            return self.known[1]
        return super().forward(x) if self.compute is None else self.compute(x)


def make_invariant(linear: torch.nn.Linear) -> None:
    """Let a linear layer know results; it keeps its parameters, their names and its hooks."""
    assert type(linear) is torch.nn.Linear
    linear.__class__ = LoopInvariantLinear


class LoopInvariants:
    """What is the same in all loops of one pass.

    Args:
        linears: For each layer of the recurrent block, the linear layers of the positions.
    """

    def __init__(self, linears: Sequence[Sequence[LoopInvariantLinear]]) -> None:
        self._linears = linears
        self._known: list[list[tuple[Tensor, Tensor]]] | None = None
        self.masks: Any = None

    def begin(self, positions: Sequence[Tensor], masks: Any) -> None:
        """Compute them, the first time that this is called.

        Args:
            positions: The embedding of relative positions, (1, T', D); none for other positions.
            masks: (B, 1, T) bool, True in the utterance, or None.
        """
        if self._known is not None:
            return
        self.masks = masks if masks is None or _needed(masks) else None
        self._known = [
            [(x, linear(x)) for x in positions for linear in linears] for linears in self._linears
        ]

    @contextmanager
    def in_layer(self, place: int) -> Iterator[None]:
        """Have a layer know its values while it runs.

        Args:
            place: Its place in the recurrent block, from 0.
        """
        assert self._known is not None, "begin comes first"
        linears = self._linears[place]
        # Without relative positions there is nothing known.
        for linear, known in zip(linears, self._known[place], strict=False):
            linear.known = known
        try:
            yield
        finally:
            for linear in linears:
                linear.known = None


def _needed(masks: Tensor) -> bool:
    """Whether anything is padded, or may be when what is written down now is run again.

    In training nearly every batch is padded, and a GPU should not be waited for to learn it.
    """
    if torch.is_grad_enabled() or torch.jit.is_tracing() or torch.compiler.is_compiling():
        return True
    return not bool(masks.all())
