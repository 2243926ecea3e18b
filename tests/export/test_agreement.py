"""Texts and posteriors of two recognisers, counted by hand."""

import numpy as np
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.export.agreement import measure_agreement, noise

SAME = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])


class Session:
    """A recogniser that always says the same, with a frame of padding behind it."""

    def __init__(self, log_probs):
        self.log_probs = log_probs

    def run(self, names, inputs):
        assert inputs["lengths"] == [100] and inputs["waveform"].shape == (1, 100)
        return np.pad(self.log_probs[None], ((0, 0), (0, 1), (0, 0))), [len(self.log_probs)]


def agreement(log_probs, *expected):
    utterances = [(f"audio {i}", np.zeros(100, np.float32)) for i in range(len(expected))]
    return measure_agreement(Session(np.asarray(log_probs)), {}, utterances, expected)


def test_what_is_counted():
    other = np.log([[0.1, 0.8, 0.1], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]])  # the same text
    third = np.log([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
    found = agreement(SAME, SAME, other, third)
    assert (found.texts, found.same_texts) == (3, 2)
    assert found.labels == pytest.approx(7 / 9) and found.largest == pytest.approx(0.7)
    assert found.inputs == "audio 0, audio 1, audio 2"


def test_what_is_no_number_is_no_agreement():
    wrong = SAME.copy()
    wrong[0, 0] = np.nan
    assert not agreement(wrong, SAME).largest <= 1e9


def test_another_number_of_frames():
    with pytest.raises(UserError, match="audio 0: 2 frames in the file and 3 in ESPnet"):
        agreement(SAME[:2], SAME)


def test_noise_is_always_the_same():
    assert [(len(x), x.dtype) for _, x in noise(1000)] == [
        (n, np.float32) for n in (3000, 1300, 500)
    ]
    for (_, x), (_, y) in zip(noise(1000), noise(1000), strict=True):
        assert np.array_equal(x, y)
