"""Long audio in pieces that are cut where it is quietest.

Attention needs memory for all pairs of frames, so the memory of a pass grows with the square of the
length; with pieces it does not grow.
"""

from collections.abc import Iterator

import numpy as np

#: The longest piece of audio that is recognised at once, in seconds.
MAX_SECONDS = 30.0
#: Seconds of the steps in which loudness is measured, and of the pause that is looked for.
_STEP, _PAUSE = 0.01, 0.2

#: The first sample of a piece, and its samples (n,).
Piece = tuple[int, np.ndarray]


class Pieces:
    """Cuts audio that comes block by block; the pieces do not depend on the blocks.

    A cut is in the middle of the quietest pause of the second half of the longest piece that would
    be allowed. What is left at the end is shared between the last two.

    Args:
        rate: Of sampling, in Hz.
        max_seconds: The longest piece, 1 s at least.
        start: The number of the first sample.
    """

    def __init__(self, rate: int, max_seconds: float, start: int = 0) -> None:
        self._rate, self._longest, self._start = rate, int(max_seconds * rate), start
        self._held: list[np.ndarray] = []
        self._left = 0

    def __call__(self, block: np.ndarray) -> Iterator[Piece]:
        """Take (n,) more samples, and give the pieces that are known.

        A cut is known when a quarter of the longest piece lies behind the latest place for it.
        """
        self._held.append(block)
        self._left += len(block)
        if self._left >= self._longest + self._longest // 4:
            yield from self._cut(self._longest + self._longest // 4)

    def end(self) -> Iterator[Piece]:
        """Give the rest; nothing if there were no samples."""
        yield from self._cut(self._longest + 1)
        if self._left:
            yield self._start, self._held[0]
            self._held, self._left = [], 0

    def _cut(self, least: int) -> Iterator[Piece]:
        """Cut while so much is left."""
        samples = np.concatenate(self._held) if self._held else np.zeros(0, np.float32)
        while len(samples) >= least:
            earliest = self._longest // 2
            latest = min(self._longest, len(samples) - self._longest // 4)
            cut = earliest + _quietest(samples[earliest:latest], self._rate)
            yield self._start, samples[:cut]
            samples, self._start = samples[cut:], self._start + cut
        self._held, self._left = [samples], len(samples)


def pieces(samples: np.ndarray, rate: int, max_seconds: float) -> Iterator[Piece]:
    """Cut audio into pieces, as :class:`Pieces` does.

    Args:
        samples: (N,).
        rate: Of sampling, in Hz.
        max_seconds: The longest piece, 1 s at least.

    Yields:
        The first sample of each piece, and its samples.
    """
    cutter = Pieces(rate, max_seconds)
    yield from cutter(samples)
    yield from cutter.end()


def _quietest(samples: np.ndarray, rate: int) -> int:
    """The middle of the quietest pause."""
    step = max(1, int(_STEP * rate))
    steps = len(samples) // step
    energy = np.square(samples[: steps * step].reshape(steps, step), dtype=np.float64).sum(1)
    width = min(steps, round(_PAUSE / _STEP))
    around = np.convolve(energy, np.ones(width), mode="valid")
    return (int(around.argmin()) + width // 2) * step
