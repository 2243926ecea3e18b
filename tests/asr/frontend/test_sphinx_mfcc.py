"""Sphinx's cepstra, against those that AN4 is distributed with."""

import json
from pathlib import Path

import pytest
import torch

from espnet_recursive.asr.frontend.sphinx_mfcc import SphinxMFCC

#: Recording -> number of frames, and some of them, from AN4's .mfc files: first, middle, last.
STORED = json.loads((Path(__file__).parent / "an4_cepstra.json").read_text())


def test_equal_to_the_features_of_an4(speech):
    assert speech.keys() == STORED.keys() and len(STORED) == 7
    frontend = SphinxMFCC()
    for name, stored in STORED.items():
        waveform = torch.from_numpy(speech[name])[None]
        cepstra, frames = frontend(waveform, torch.tensor([waveform.size(1)]))
        assert cepstra.shape == (1, stored["frames"], 13) and frames == stored["frames"]
        for place, values in stored["cepstra"].items():
            torch.testing.assert_close(
                cepstra[0, int(place)], torch.tensor(values), atol=2e-5, rtol=0
            )


def test_filters_narrower_than_a_bin_are_refused():
    with pytest.raises(ValueError, match="narrower than the 31.25 Hz of a bin: lower n_mels"):
        SphinxMFCC(fs="8k", n_mels=60, n_fft=256)


@pytest.mark.parametrize("n_cepstra", [0, 41])
def test_more_coefficients_than_filters_are_refused(n_cepstra):
    with pytest.raises(ValueError, match="n_cepstra"):
        SphinxMFCC(n_cepstra=n_cepstra)


def test_a_transform_shorter_than_the_window_is_refused():
    with pytest.raises(ValueError, match="a window has 410 samples"):
        SphinxMFCC(n_fft=400)
