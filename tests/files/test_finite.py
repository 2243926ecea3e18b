"""Samples that are no numbers are found wherever they stand."""

import numpy as np
import pytest
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.files import finite


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("place", [0, 999, 1000, 2499])
def test_in_any_block_of_a_file(tmp_path, monkeypatch, subtype, place):
    monkeypatch.setattr(finite, "_BLOCK", 1000)
    samples = np.zeros((2500, 2))
    soundfile.write(tmp_path / "good.wav", samples, 16000, subtype)
    finite.check_finite_file(str(tmp_path / "good.wav"), "good")
    samples[place, 1] = np.nan
    soundfile.write(tmp_path / "bad.wav", samples, 16000, subtype)
    with pytest.raises(
        UserError, match=f"it: 1 samples .* is number {place}. Write the file again"
    ):
        finite.check_finite_file(str(tmp_path / "bad.wav"), "it")


def test_integers_are_not_read(tmp_path):
    soundfile.write(tmp_path / "cut.wav", np.ones(1000), 16000, "PCM_16")
    finite.check_finite_file(str(tmp_path / "cut.wav"), "it")
    finite.check_finite(np.zeros(0, np.float32), "nothing")
