"""How much of its change a layer of the recurrent block adds to the states.

    h' = h + a (R_k(h) - h)      of each layer R_k of the block, in loop i with a = a_i

The same block added L times makes the states grow with the loops, so that later loops turn them
less and less. A scale below 1 bounds that.
"""

from collections.abc import Callable

import torch

Tensor = torch.Tensor


class LoopScale(torch.nn.Module):
    """Base: h + a (R_k(h) - h) for the a of a loop.

    Args:
        num_loops: L, the loops that have a scale of their own; loops beyond have that of the last.
    """

    def __init__(self, num_loops: int) -> None:
        super().__init__()
        self.num_loops = num_loops

    def of_loop(self, loop: int) -> Tensor | float:
        """The scale of a loop, from 1; a tensor () where it is learned."""
        raise NotImplementedError

    def forward(self, before: Tensor, after: Tensor, loop: int) -> Tensor:
        """Scale the change of a layer.

        Args:
            before: (rows, T, D) what the layer took.
            after: (rows, T, D) what it returned.
            loop: From 1.

        Returns:
            (rows, T, D); at a scale of 1 `after`, bit for bit.
        """
        scale = self.of_loop(loop)
        weight = scale.to(after) if isinstance(scale, Tensor) else scale
        return torch.lerp(before.to(after.dtype), after, weight)


class InverseLoopScale(LoopScale):
    """1 / L in every loop, at whatever depth the model is run later."""

    def of_loop(self, loop: int) -> float:
        """1 / L."""
        return 1.0 / self.num_loops

    def extra_repr(self) -> str:
        return f"1 / {self.num_loops}"


class LearnedLoopScale(LoopScale):
    """A learned number for each loop, which starts at 1."""

    def __init__(self, num_loops: int) -> None:
        super().__init__(num_loops)
        # One tensor, so that it has a gradient however many loops were run.
        self.scale = torch.nn.Parameter(torch.ones(num_loops))

    def of_loop(self, loop: int) -> Tensor:
        """() a_i."""
        return self.scale[min(loop, len(self.scale)) - 1]


#: The scales by their names.
LOOP_SCALES: dict[str, Callable[[int], LoopScale]] = {
    "inverse": InverseLoopScale,
    "learned": LearnedLoopScale,
}
