"""Features of an exported file are those of ESPnet's own classes, for any length and batch."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.asr.frontend.windowing import SlidingWindow
from espnet2.layers.global_mvn import GlobalMVN
from espnet2.layers.utterance_mvn import UtteranceMVN

from espnet_recursive.errors import UserError
from espnet_recursive.export.graphs import checked, trace
from espnet_recursive.export.normalised import check_normalisation
from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.signal import Signal, traceable_frontend
from espnet_recursive.registry import FRONTENDS, frontend_class

SMALL = {"n_fft": 64, "hop_length": 20, "n_mels": 8}
OPTIONS = (
    {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 80},
    {},
    {"win_length": 50},
    {"win_length": 51, "fs": "8k"},
    {"window": "hamming", "normalized": True},
    {"window": None, "win_length": 40},
    {"center": False, "win_length": 49},
    {"fmin": 300, "fmax": 6000, "htk": True},
    {"frontend_conf": None},
)


def session_of(frontend, normalize=None, frames=7):
    signal = Signal(SimpleNamespace(frontend=frontend, normalize=normalize), frames).eval()
    inputs = {"waveform": torch.zeros(2, 2000), "lengths": torch.tensor([2000, 1500])}
    axes = {"waveform": {0: "batch", 1: "samples"}, "lengths": {0: "batch"}}
    model = trace(signal, inputs, ["features", "feature_lengths"], axes)
    return signal, open_session(checked(model), 1)


def run(session, waveform, lengths):
    feed = {"waveform": np.asarray(waveform, np.float32), "lengths": np.array(lengths)}
    return session.run(None, feed)


@torch.no_grad()
def espnet(samples, frontend, normalize):
    features, lengths = frontend(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
    if normalize is not None:
        features, lengths = normalize(features, lengths)
    return features[0, : lengths[0]].numpy()


def speech(*lengths, seed=0):
    random = np.random.default_rng(seed)
    return [0.1 * random.standard_normal(n).astype(np.float32) for n in lengths]


def assert_equal_alone_and_together(frontend, normalize):
    signal, session = session_of(frontend, normalize)
    utterances = speech(3001, 2000, signal.shortest)
    waveform = np.full((3, 3001), np.nan, np.float32)  # the padding may hold anything
    for row, samples in zip(waveform, utterances, strict=True):
        row[: len(samples)] = samples
    together, frames = run(session, waveform, [len(samples) for samples in utterances])
    for samples, features, count in zip(utterances, together, frames, strict=True):
        expected = espnet(samples, frontend, normalize)
        assert count == len(expected) >= 7
        alone, (alone_count,) = run(session, samples[None], [len(samples)])
        assert alone_count == count == alone.shape[1]
        np.testing.assert_allclose(features[:count], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(alone[0], expected, rtol=1e-4, atol=1e-4)
        assert not features[count:].any()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_default_frontend(options):
    assert_equal_alone_and_together(DefaultFrontend(**{**SMALL, **options}).eval(), None)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kaldi_fbank", {}),
        ("kaldi_fbank", {"fs": "8k", "n_mels": 23, "fmax": 3800.0}),
        ("sphinx_mfcc", {}),
        ("sphinx_mfcc", {"fs": 11025, "cmn": "utterance", "deltas": True}),
    ],
    ids=str,
)
@pytest.mark.parametrize("normalize", [None, UtteranceMVN()], ids=["plain", "mvn"])
def test_frontends_of_this_package(name, options, normalize):
    frontend = frontend_class(name)(**options).eval()
    assert_equal_alone_and_together(frontend, normalize)


@pytest.fixture
def stats(tmp_path):
    mean = np.linspace(-9, -3, 8)
    file = tmp_path / "stats.npz"
    np.savez(file, count=100, sum=100 * mean, sum_square=100 * (mean**2 + 4.0))
    return file


@pytest.mark.parametrize("means", [True, False])
@pytest.mark.parametrize("variances", [True, False])
@pytest.mark.parametrize("kind", [GlobalMVN, UtteranceMVN])
def test_normalisation(kind, means, variances, stats):
    first = [stats] if kind is GlobalMVN else []
    normalize = kind(*first, norm_means=means, norm_vars=variances)
    check_normalisation(SimpleNamespace(normalize=normalize))
    assert_equal_alone_and_together(DefaultFrontend(**SMALL).eval(), normalize)


@pytest.mark.parametrize(
    "frontend",
    [
        *(DefaultFrontend(**SMALL, center=center).eval() for center in (True, False)),
        *(frontend_class(name)().eval() for name in FRONTENDS),
    ],
    ids=["centred", "not centred", *FRONTENDS],
)
def test_short_input_gets_silence_behind_it(frontend):
    signal, session = session_of(frontend)
    longest = np.concatenate([*speech(signal.shortest - 1), np.zeros(1, np.float32)])
    for samples in (longest[:0], longest[:1], longest[:30], longest[:-1]):
        features, (count,) = run(session, samples[None], [len(samples)])
        padded = np.zeros(signal.shortest, np.float32)
        padded[: len(samples)] = samples
        assert count == 7
        expected = espnet(padded, frontend, None)
        np.testing.assert_allclose(features[0], expected, rtol=1e-4, atol=1e-4)
    assert run(session, longest[None], [len(longest) - 1])[1] == count


def test_lengths_beyond_the_samples_are_those_of_the_samples():
    _, session = session_of(DefaultFrontend(**SMALL).eval())
    (samples,) = speech(1000)
    assert run(session, samples[None], [5000])[1] == run(session, samples[None], [1000])[1]


@pytest.mark.parametrize(
    ("frontend", "message"),
    [
        (DefaultFrontend(**SMALL, apply_stft=False), "apply_stft: false takes spectra"),
        (DefaultFrontend(**SMALL, onesided=False), "onesided: false gives more bins"),
        (DefaultFrontend(**SMALL, frontend_conf={"use_wpe": True}), "use_wpe takes several"),
        (SlidingWindow(), "frontend SlidingWindow .*: default, kaldi_fbank.*--to encoder"),
    ],
)
def test_refused(frontend, message):
    with pytest.raises(UserError, match=message):
        traceable_frontend(frontend)
