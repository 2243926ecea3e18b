"""The ways of cutting a recording into segments, by the names that ``--vad`` gives them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.transcription.energy_detector import EnergyDetector
from espnet_recursive.transcription.pieces import Piece, Pieces
from espnet_recursive.transcription.silero_detector import SileroDetector
from espnet_recursive.transcription.voice_activity import Detector, speech_pieces

_DETECTORS: dict[str, Callable[[int], Detector]] = {
    "silero": SileroDetector,
    "energy": EnergyDetector,
}
#: "auto" finds speech in recordings longer than a segment may be; "none" leaves nothing out.
VAD_NAMES = ("auto", "none", *_DETECTORS)


def check_cutting(vad: str, max_seconds: float, rate: int) -> None:
    """Refuse what :func:`cut` cannot take, before any audio is read.

    Raises:
        UserError: If there is no such way, its package is missing, or segments would be too short.
    """
    if vad not in VAD_NAMES:
        raise UserError(f"vad {vad!r}: one of {', '.join(VAD_NAMES)}")
    if not 1 <= max_seconds < np.inf:
        raise UserError(f"max_seconds {max_seconds}: at least 1, and finite")
    if vad in _DETECTORS:
        _DETECTORS[vad](rate)


def cut(
    blocks: Iterable[np.ndarray], rate: int, vad: str = "auto", max_seconds: float = 30.0
) -> Iterator[Piece]:
    """Cut a recording that comes block by block; no more of it is held than a segment and a half.

    Args:
        blocks: (n,) samples each.
        rate: Of sampling, in Hz.
        vad: "silero" or "energy" give segments of speech; "none" all of the recording, cut where it
            is quietest; "auto" all of one that is no longer than a segment may be, and of a longer
            one the speech that silero finds, or energy where silero is not installed.
        max_seconds: The longest segment.

    Yields:
        The first sample of each segment, and its samples, in their order.
    """
    if vad == "auto":
        blocks = iter(blocks)
        first: list[np.ndarray] = []
        while sum(map(len, first)) <= max_seconds * rate:
            block = next(blocks, None)
            if block is None:
                yield 0, np.concatenate([np.zeros(0, np.float32), *first])
                return
            first.append(block)
        blocks = chain(first, blocks)
        vad = "silero" if SileroDetector.is_installed() else "energy"
    if vad == "none":
        cutter = Pieces(rate, max_seconds)
        for block in blocks:
            yield from cutter(block)
        yield from cutter.end()
        return
    yield from speech_pieces(blocks, rate, _DETECTORS[vad](rate), max_seconds)
