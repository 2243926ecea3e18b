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


def pieces(samples: np.ndarray, rate: int, max_seconds: float) -> Iterator[tuple[int, np.ndarray]]:
    """Cut audio into pieces.

    A cut is in the middle of the quietest pause of the second half of the longest piece that would
    be allowed. What is left is shared between the last two.

    Args:
        samples: (N,).
        rate: Of sampling, in Hz.
        max_seconds: The longest piece, 1 s at least.

    Yields:
        The first sample of each piece, and its samples.
    """
    longest, start = int(max_seconds * rate), 0
    while (left := len(samples) - start) > longest:
        earliest, latest = longest // 2, min(longest, left - longest // 4)
        cut = start + earliest + _quietest(samples[start + earliest : start + latest], rate)
        yield start, samples[start:cut]
        start = cut
    yield start, samples[start:]


def _quietest(samples: np.ndarray, rate: int) -> int:
    """The middle of the quietest pause."""
    step = max(1, int(_STEP * rate))
    steps = len(samples) // step
    energy = np.square(samples[: steps * step].reshape(steps, step), dtype=np.float64).sum(1)
    width = min(steps, round(_PAUSE / _STEP))
    around = np.convolve(energy, np.ones(width), mode="valid")
    return (int(around.argmin()) + width // 2) * step
