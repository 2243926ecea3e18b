"""Speech among what is no speech, in audio that comes block by block."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np

from espnet_recursive.transcription.pieces import Piece, Pieces

#: Seconds: a pause that parts two segments, what a segment has of the silence before and behind
#: its speech, and speech shorter than which is a click.
_PAUSE, _PAD, _CLICK = 0.5, 0.2, 0.1


class Detector(ABC):
    """Says of each step of audio whether there is speech in it; one for each recording.

    It looks at windows of a fixed length, so that the answers do not depend on the blocks.

    Attributes:
        step_seconds: Length of a step.
    """

    step_seconds: float

    def __init__(self, window: int) -> None:
        self._window, self._held = window, np.zeros(0, np.float32)

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """Take (n,) more samples; bool (steps,) of the windows that are full."""
        self._held = np.concatenate([self._held, block])
        found = [np.zeros(0, bool)]
        while len(self._held) >= self._window:
            found.append(self._detect(self._held[: self._window]))
            self._held = self._held[self._window :]
        return np.concatenate(found)

    def end(self) -> np.ndarray:
        """Bool (steps,) of the rest; the last step may have fewer samples than the others."""
        rest, self._held = self._held, self._held[:0]
        return self._detect(rest) if len(rest) else np.zeros(0, bool)

    @abstractmethod
    def _detect(self, samples: np.ndarray) -> np.ndarray:
        """Bool (steps,) of a window, or of the rest."""


def speech_pieces(
    blocks: Iterable[np.ndarray], rate: int, detector: Detector, max_seconds: float
) -> Iterator[Piece]:
    """Cut speech out of audio: between pauses, or where that is too long, where it is quietest.

    Args:
        blocks: (n,) samples each.
        rate: Of sampling, in Hz.
        detector: One that has heard nothing yet.
        max_seconds: The longest piece.

    Yields:
        Pieces in their order, which do not overlap.
    """
    cutter, held = _Cutter(rate, max_seconds), np.zeros(0, np.float32)
    steps = 0
    for block in blocks:
        held = np.concatenate([held, block])
        for speech, count in _runs(detector(block)):
            steps += count
            length = round(steps * detector.step_seconds * rate) - cutter.heard
            yield from cutter(held[:length], speech)
            held = held[length:]
    speech = False
    for speech, count in _runs(detector.end()):
        steps += count
        length = round(steps * detector.step_seconds * rate) - cutter.heard
        yield from cutter(held[:length], speech)
        held = held[length:]
    yield from cutter(held, speech)
    yield from cutter.end()


def _runs(flags: np.ndarray) -> Iterator[tuple[bool, int]]:
    """Equal flags that follow one another, as one with their number."""
    starts = np.flatnonzero(np.diff(flags, prepend=~flags[:1]))
    for start, end in zip(starts, [*starts[1:], len(flags)], strict=False):
        yield bool(flags[start]), int(end - start)


class _Cutter:
    """Joins speech over short pauses, and gives it a little of the silence around it.

    Attributes:
        heard: Samples that it has been given.
    """

    def __init__(self, rate: int, max_seconds: float) -> None:
        self._rate, self._max_seconds = rate, max_seconds
        self._pause, self._pad, self._click = (round(s * rate) for s in (_PAUSE, _PAD, _CLICK))
        self.heard = 0
        self._before = np.zeros(0, np.float32)  # the end of the silence before speech
        self._pieces: Pieces | None = None  # of the speech that goes on
        self._speech = 0
        self._silence = np.zeros(0, np.float32)  # since its last speech

    def __call__(self, samples: np.ndarray, speech: bool) -> Iterator[Piece]:
        """Take (n,) more samples, all speech or none, and give the pieces that are known."""
        self.heard += len(samples)
        if not speech and self._pieces is None:
            self._before = np.concatenate([self._before, samples[-self._pad :]])[-self._pad :]
        elif not speech:
            self._silence = np.concatenate([self._silence, samples])
            if len(self._silence) >= self._pause:
                yield from self.end()
        else:
            if self._pieces is None:
                start = self.heard - len(samples) - len(self._before)
                self._pieces = Pieces(self._rate, self._max_seconds, start)
                samples = np.concatenate([self._before, samples])
                self._speech = -len(self._before)
            self._speech += len(samples)
            yield from self._pieces(np.concatenate([self._silence, samples]))
            self._silence = self._silence[:0]

    def end(self) -> Iterator[Piece]:
        """Give the speech that went on until here."""
        if self._pieces is None:
            return
        yield from self._pieces(self._silence[: self._pad])
        if self._speech >= self._click:
            yield from self._pieces.end()
        self._pieces, self._before = None, self._silence[self._pad :][-self._pad :]
        self._silence = self._silence[:0]
