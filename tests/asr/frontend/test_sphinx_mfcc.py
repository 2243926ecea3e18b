"""Sphinx's cepstra, against those that AN4 is distributed with."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from espnet_recursive.asr.frontend.sphinx_mfcc import SphinxMFCC
from espnet_recursive.corpora.sphinx import read_cepstra, subtract_means, with_deltas
from tests.asr.frontend.test_framed_frontend import batch_of

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


def test_equal_to_every_frame_of_an4(speech):
    beside = Path(__file__).resolve().parents[4] / "shared" / "data" / "an4"
    folder = Path(os.environ.get("AN4_DIR", beside)) / "feat"
    if not folder.is_dir():
        pytest.skip(f"no features of AN4 in {folder}; name the folder of feat/ with AN4_DIR")
    for name, samples in speech.items():
        (file,) = folder.glob(f"*/*/{name}.mfc")
        stored = torch.from_numpy(read_cepstra(file))
        cepstra, _ = SphinxMFCC()(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
        torch.testing.assert_close(cepstra[0], stored, atol=2e-5, rtol=0)


@pytest.mark.parametrize("cmn", [None, "utterance"])
@pytest.mark.parametrize("deltas", [False, True])
def test_what_data_preparation_does_to_features(speech, cmn, deltas):
    """As ``prepare_an4`` does it, for each utterance of a batch, the shortest of one frame."""
    waveforms = [samples[: 100 + 4000 * i] for i, samples in enumerate(speech.values())]
    batch, lengths = batch_of(waveforms, float("nan"))
    frontend = SphinxMFCC(cmn=cmn, deltas=deltas)
    features, frames = frontend(batch, lengths)
    assert frames[0] == 1 and features.size(2) == frontend.output_size() == (39 if deltas else 13)
    plain, _ = SphinxMFCC()(batch, lengths)
    for row, cepstra, length in zip(features, plain, frames, strict=True):
        expected = {"it": cepstra[:length].numpy().copy()}
        if cmn:
            subtract_means(expected, {"it": "it"})
        expected = with_deltas(expected["it"]) if deltas else expected["it"]
        np.testing.assert_allclose(row[:length], expected, atol=1e-5)
        assert not row[length:].any()


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
