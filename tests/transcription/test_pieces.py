"""Pieces are all of the audio, not too long, and cut in pauses."""

import numpy as np
import pytest

from espnet_recursive.transcription.pieces import pieces

RATE = 1000


@pytest.mark.parametrize("seconds", [0.1, 4.0, 4.001, 5.0, 8.0, 37.3])
def test_all_of_it_in_pieces_that_are_not_too_long(seconds):
    samples = np.random.default_rng(0).standard_normal(int(seconds * RATE))
    parts = list(pieces(samples, RATE, 4.0))
    assert np.array_equal(np.concatenate([part for _, part in parts]), samples)
    lengths = [len(part) for _, part in parts]
    assert [start for start, _ in parts] == [0, *np.cumsum(lengths)[:-1]]
    assert max(lengths) <= 4 * RATE and (len(parts) == 1 or min(lengths) >= RATE)


def test_cut_in_the_middle_of_the_pause():
    samples = np.random.default_rng(0).standard_normal(6 * RATE)
    samples[3000:3300] *= 0.01
    samples[1000:1400] = 0  # before the second half of the longest piece
    (_, first), (start, _) = pieces(samples, RATE, 4.0)
    assert start == len(first) and 3080 <= start <= 3220
