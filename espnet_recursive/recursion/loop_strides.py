"""Loops at a lower time resolution: pooled states in, their change back at the full rate.

In a loop of stride s, with h the state that the loop takes:

    l = pool(h)              a weighted mean over each s frames
    h' = h + up(R(l) - l)    each frame gets the change of the mean that it is in

So a loop of stride 1 is the plain loop, and what the pooling loses is not lost to h. The weights
are the softmax of s learned biases, which start at 0, the mean. Frames of padding have no weight.

Source of the weights: Z. Yao et al., "Zipformer: A faster and better encoder for automatic speech
recognition", ICLR 2024, Section 3.1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

Tensor = torch.Tensor
#: Frames that a pooled one may stand for; at 40 ms each this is more than half a second.
MOST_STRIDE = 16


class LoopPooling(torch.nn.Module):
    """The strides of the loops, and the weights with which they pool.

    Args:
        strides: One for each loop; loops beyond have the last, and its weights.
    """

    def __init__(self, strides: Sequence[int]) -> None:
        super().__init__()
        self.strides = tuple(strides)
        # One tensor, so that every parameter has a gradient, however many loops were run.
        self.bias = torch.nn.Parameter(torch.zeros(len(self.strides), max(self.strides)))

    def stride(self, loop: int) -> int:
        """The stride of a loop, from 1."""
        return self.strides[min(loop, len(self.strides)) - 1]

    def forward(self, states: Tensor, loop: int, masks: Tensor | None) -> Tensor:
        """Pool the states of a loop.

        Args:
            states: (rows, T, D).
            loop: From 1.
            masks: (rows, 1, T) bool, True in the utterance; None where nothing is padded.

        Returns:
            (rows, ceil(T / s), D).
        """
        stride, frames = self.stride(loop), states.size(1)
        if stride == 1:
            # The weight of a single frame is 1, exactly, and has a gradient, 0: in a training on
            # several GPUs every parameter has to have one.
            return states * self._weights(loop)[0].to(states.dtype)
        weights: Tensor = self._weights(loop)
        if masks is not None or frames % stride:
            inside = states.new_ones(1, frames) if masks is None else masks[:, 0]
            inside = _grouped(inside.unsqueeze(-1).to(weights.dtype), stride).squeeze(-1)
            weights = weights * inside
            least = torch.finfo(weights.dtype).tiny  # where all of them are padding
            weights = weights / weights.sum(-1, keepdim=True).clamp_min(least)
        return (_grouped(states, stride) * weights.unsqueeze(-1).to(states.dtype)).sum(2)

    def _weights(self, loop: int) -> Tensor:
        """(s,)"""
        row = min(loop, len(self.strides)) - 1
        return self.bias[row, : self.stride(loop)].softmax(0)

    def extra_repr(self) -> str:
        return f"strides={list(self.strides)}"


@dataclass(frozen=True)
class Rate:
    """The time resolution at which layers run.

    Attributes:
        stride: s, the frames that are pooled into one.
        pool: (rows, T, D) -> (rows, ceil(T / s), D); None for the full rate.
    """

    stride: int = 1
    pool: Callable[[Tensor], Tensor] | None = None

    def down(self, states: Tensor) -> Tensor:
        """The states (rows, T, D) that the layers take."""
        return states if self.pool is None else self.pool(states)

    def up(self, states: Tensor, begin: Tensor, now: Tensor) -> Tensor:
        """The states (rows, T, D) when those of the layers have changed from `begin` to `now`."""
        return now if self.pool is None else spread(states, now - begin, self.stride)


FULL_RATE = Rate()


def spread(states: Tensor, change: Tensor, stride: int) -> Tensor:
    """Add the change of pooled states to each of the frames that they stand for.

    Args:
        states: (rows, T, D).
        change: (rows, ceil(T / s), D).
        stride: s.
    """
    return states + change.repeat_interleave(stride, 1)[:, : states.size(1)]


def pooled_masks(masks: Tensor | None, stride: int) -> Tensor | None:
    """The masks of pooled states: one is in the utterance if any of its frames is.

    Args:
        masks: (rows, 1, T) bool, True in the utterance, or None.
        stride: s.

    Returns:
        (rows, 1, ceil(T / s)), or None.
    """
    if masks is None or stride == 1:
        return masks
    return _grouped(masks[:, 0].unsqueeze(-1), stride).any(2)[..., 0].unsqueeze(1)


def strided_positions(positions: Tensor, frames: int, stride: int) -> Tensor:
    """Relative positions of pooled states: every s-th, so that they keep their distance in time.

    Args:
        positions: (1, 2 T - 1, D), of offsets from T - 1 to 1 - T; or of ESPnet's legacy attention
            (1, T, D), of offsets from T - 1 to 0.
        frames: T.
        stride: s.

    Returns:
        (1, 2 T' - 1, D) or (1, T', D) for T' = ceil(T / s), with the projections that `positions`
        carries.
    """
    if stride == 1:
        return positions
    far = (frames - 1) // stride * stride
    middle = frames - 1
    end = middle + far + 1 if positions.size(1) > frames else frames
    part = slice(middle - far, end, stride)
    found: Any = positions[:, part]
    projections = getattr(positions, "projections", None)
    if projections is not None:
        found.projections = [projection[:, part] for projection in projections]
    return found


def _grouped(x: Tensor, stride: int) -> Tensor:
    """(rows, ceil(T / s), s, D) of (rows, T, D), with zeros at the end."""
    rows, frames, size = x.shape
    x = torch.nn.functional.pad(x, (0, 0, 0, -frames % stride))
    return x.view(rows, -1, stride, size)
