"""Cepstra at other speeds are those of perturbed waveforms, on real speech."""

import librosa
import numpy as np
import pytest
import scipy.fft
import soundfile
import soxr

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_data_dir, write_table
from espnet_recursive.recipe.feats import read_features, write_ark
from espnet_recursive.recipe.perturb_cepstra import (
    Cepstra,
    change_speed,
    perturb_cepstra,
    read_cepstra_kind,
    speed_matrix,
)

RATE = 16000
SPHINX = Cepstra(13, 40, 130.0, 6800.0)


def cepstra(samples):
    """Cepstra of the SPHINX kind, less their mean, in 100 frames a second."""
    power = np.abs(librosa.stft(samples, n_fft=512, win_length=410, hop_length=160)) ** 2
    mel = librosa.filters.mel(
        sr=RATE, n_fft=512, n_mels=40, fmin=130, fmax=6800, htk=True, norm=None
    )
    values = scipy.fft.dct(np.log(mel @ power + 1e-8), axis=0)[:13].T / 80
    return values - values.mean(axis=0)


@pytest.fixture(scope="module")
def speech(an4):
    paths = read_table(an4["train"] / "wav.scp").values()
    return [soundfile.read(path)[0] for path in paths]


@pytest.mark.parametrize("speed", [0.88, 0.9, 1.1, 1.12])
def test_equals_cepstra_of_perturbed_audio(speech, speed):
    """Nearly: what is left is at most two fifths of what a change of the duration alone leaves."""
    left = left_by_duration_alone = 0.0
    for samples in speech:
        expected = cepstra(soxr.resample(samples, RATE * speed, RATE))
        made = change_speed(cepstra(samples), speed, SPHINX)
        slower = made @ np.linalg.inv(speed_matrix(speed, SPHINX)).T
        assert abs(len(made) - len(expected)) <= 1
        frames = min(len(made), len(expected))
        left += np.square(made[:frames] - expected[:frames]).sum()
        left_by_duration_alone += np.square(slower[:frames] - expected[:frames]).sum()
    assert left < 0.4 * left_by_duration_alone


def test_own_speed_changes_nothing(speech):
    original = cepstra(speech[0])
    np.testing.assert_allclose(speed_matrix(1.0, SPHINX), np.eye(13), atol=1e-14)
    np.testing.assert_allclose(change_speed(original, 1.0, SPHINX), original, atol=1e-5)


def test_a_tone_moves_to_where_it_then_is():
    """All filters as cepstra: the peak of the spectrum moves by the ratio of the speed."""
    kind = Cepstra(40, 40, 130.0, 6800.0)
    mels = np.linspace(*(2595 * np.log10(1 + np.array([130, 6800]) / 700)), 42)[1:-1]
    hertz = 700 * (10 ** (mels / 2595) - 1)
    spectrum = np.exp(-0.5 * ((hertz - 1000) / 150) ** 2)
    values = scipy.fft.dct(spectrum)[None] / 80
    moved = scipy.fft.idct(change_speed(values, 1.2, kind)[0] * 80)
    assert hertz[moved.argmax()] == pytest.approx(1200, rel=0.05)


@pytest.mark.parametrize(
    "frames, speed, expected", [(1, 1.1, 1), (2, 1.1, 2), (3, 0.5, 6), (1, 3, 1)]
)
def test_short_speech(frames, speed, expected):
    assert change_speed(np.ones((frames, 13)), speed, SPHINX).shape == (expected, 13)


@pytest.fixture
def data(speech, tmp_path):
    """A data directory of two utterances."""
    utterances = {f"s{n}-u": cepstra(samples) for n, samples in enumerate(speech[:2])}
    places, _ = write_ark(tmp_path / "feats.ark", utterances.items())
    texts = {"s0-u": "YES", "s1-u": "NO"}
    speakers = {"s0-u": "s0", "s1-u": "s1"}
    write_data_dir(tmp_path / "train", places, texts, speakers, scp="feats.scp")
    return tmp_path / "train"


def test_data_directory(data, tmp_path):
    target = tmp_path / "train_sp"
    write_table(target / "wav.scp", {"s0-u": "of an earlier run"})
    perturb_cepstra(data, target, ["0.9", "1.0"], SPHINX)
    originals, places = read_table(data / "feats.scp"), read_table(target / "feats.scp")
    frames = read_table(target / "utt2num_frames")
    assert not (target / "wav.scp").exists()
    assert list(places) == ["s0-u", "s1-u", "sp0.9-s0-u", "sp0.9-s1-u"]
    assert read_table(target / "text")["sp0.9-s1-u"] == "NO"
    assert read_table(target / "utt2spk")["sp0.9-s1-u"] == "sp0.9-s1"
    for utterance, place in originals.items():
        original = read_features(place, utterance)
        np.testing.assert_array_equal(read_features(places[utterance], utterance), original)
        slower = read_features(places[f"sp0.9-{utterance}"], utterance)
        np.testing.assert_array_equal(slower, change_speed(original, 0.9, SPHINX))
        assert frames[f"sp0.9-{utterance}"] == str(len(slower))


def test_other_features_are_refused(data, tmp_path):
    with pytest.raises(UserError, match="s0-u: 13 features in a frame, which are not 12 cepstra"):
        perturb_cepstra(data, tmp_path / "sp", ["0.9"], SPHINX._replace(coefficients=12))
    assert not (tmp_path / "sp" / "feats.scp").exists()


def test_perturbed_cepstra_are_not_perturbed_again(data, tmp_path):
    perturb_cepstra(data, tmp_path / "sp", ["0.9", "1"], SPHINX)
    with pytest.raises(UserError, match=r"some ids begin with one of sp0.9- already"):
        perturb_cepstra(tmp_path / "sp", tmp_path / "spsp", ["0.9", "1"], SPHINX)


def test_kinds():
    assert read_cepstra_kind(["13", "40", "130", "6800"]) == SPHINX


@pytest.mark.parametrize("words", [
    "", "13 40 130", "13 40 130 6800 1", "13 x 130 6800", "41 40 130 6800", "0 40 130 6800",
    "13 40 6800 130", "13 40 -1 6800", "13 40 130 inf", "13 40 130 nan",
])  # fmt: skip
def test_what_is_no_kind(words):
    with pytest.raises(UserError, match="as in 13 40 130 6800"):
        read_cepstra_kind(words.split())
