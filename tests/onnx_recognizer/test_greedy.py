"""Greedy decoding by hand."""

import numpy as np

from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.transcription.words import Label


def labels(*best):
    return greedy(np.eye(10)[list(best)])


def test_repetitions_are_one_and_blanks_part_them():
    assert labels(0, 1, 1, 0, 1, 2, 2, 0) == [Label(1, 1, 3), Label(1, 4, 5), Label(2, 5, 7)]
    assert labels(0, 0) == [] and greedy(np.zeros((0, 5))) == []
    assert labels(1, 1) == [Label(1, 0, 2)]
