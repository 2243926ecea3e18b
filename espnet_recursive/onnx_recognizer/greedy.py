"""Greedy CTC decoding."""

import numpy as np

from espnet_recursive.transcription.words import Label

#: CTC's blank in ESPnet.
BLANK = 0


def greedy(log_probs: np.ndarray) -> list[Label]:
    """The best label of each frame, repetitions as one and blanks left out.

    Args:
        log_probs: (T, V) of one utterance.
    """
    best = np.asarray(log_probs).argmax(-1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = [*starts[1:], len(best)][: len(starts)]
    found = zip(best[starts].tolist(), starts.tolist(), map(int, ends), strict=True)
    return [Label(*label) for label in found if label[0] != BLANK]
