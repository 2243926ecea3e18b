"""The middle layers of an encoder that are most alike, and the recursion that they suggest."""

from dataclasses import dataclass
from itertools import combinations
from math import ceil

import numpy as np

from espnet_recursive.recursion.shape import RecursionShape

#: The paper's error rates fall up to 5 loops and rise beyond (Table 2).
_MOST_LOOPS = 5
#: One layer before the block, two in it, one behind.
_LEAST_LAYERS = 4


@dataclass(frozen=True)
class MiddleBlock:
    """A run of layers, with layers on both sides.

    Attributes:
        prelude: Layers before it.
        layers: Layers in it.
        coda: Layers behind it.
        within: Mean similarity of the pairs of layers in it.
        least: The smallest of these.
        all_pairs: Mean similarity of all pairs of layers of the encoder.
    """

    prelude: int
    layers: int
    coda: int
    within: float
    least: float
    all_pairs: float

    @property
    def shape(self) -> RecursionShape:
        """The recursion: as few recurrent layers as at most five loops need for the block."""
        recurrent = ceil(self.layers / _MOST_LOOPS)
        return RecursionShape(recurrent, round(self.layers / recurrent), self.prelude, self.coda)

    def reason(self, measure: str) -> str:
        """Why this block, in a sentence."""
        first, last = self.prelude + 1, self.prelude + self.layers
        return (
            f"Layers {first} to {last} of {last + self.coda} stand out: {measure} "
            f"{self.within:.2f} on average between them, {self.least:.2f} at least; "
            f"{self.all_pairs:.2f} on average between all layers."
        )


def middle_block(similarity: np.ndarray) -> MiddleBlock | None:
    """Find the run of layers that are most alike, for its length.

    Every pair of its layers that is more alike than the average pair of the encoder counts for it,
    every pair that is less alike against it, each by its distance from that average: the sum is
    largest. So a long run of fairly similar layers goes before two that are nearly the same. The
    first and the last layer are never in it. Of runs that are equal, it is a long and central one.

    Args:
        similarity: (N, N) between the outputs of the layers.

    Returns:
        The block; None for fewer than 4 layers.
    """
    layers = len(similarity)
    if layers < _LEAST_LAYERS:
        return None
    pairs = ~np.eye(layers, dtype=bool)
    average = similarity[pairs].mean()
    lead = np.where(pairs, similarity - average, 0)

    def merit(run: tuple[int, int]) -> tuple[float, int, int]:
        first, end = run
        total = float(lead[first:end, first:end].sum())
        return round(total, 9), end - first, -abs(first - (layers - end))

    runs = (run for run in combinations(range(1, layers), 2) if run[1] - run[0] > 1)
    first, end = max(runs, key=merit)
    block = similarity[first:end, first:end][pairs[first:end, first:end]]
    return MiddleBlock(
        prelude=first,
        layers=end - first,
        coda=layers - end,
        within=float(block.mean()),
        least=float(block.min()),
        all_pairs=float(average),
    )
