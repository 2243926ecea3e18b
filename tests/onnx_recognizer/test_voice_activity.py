"""Pieces hold all speech, are not too long, and leave silence out."""

import numpy as np
import pytest
import soundfile

from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.errors import UserError
from espnet_recursive.onnx_recognizer.voice_activity import SILERO, VoiceActivity, group
from espnet_recursive.recipe.data_dir import read_table

RATE = 16000


def steps(text):
    """Probabilities, a digit a step, in tenths."""
    return np.array([int(digit) / 10 for digit in text])


@pytest.mark.parametrize(
    ("text", "silence", "margin", "longest", "pieces"),
    [
        ("000000", 2, 1, 10, []),
        ("00990000", 2, 1, 10, [(1, 5)]),
        ("99", 2, 5, 10, [(0, 2)]),
        ("00940990000", 2, 0, 10, [(2, 7)]),  # a short pause ends nothing
        ("009900099000", 2, 0, 20, [(2, 9)]),  # what fits is one piece
        ("009900099000", 2, 0, 6, [(2, 4), (7, 9)]),
        ("009900099000", 2, 3, 6, [(0, 5), (6, 12)]),  # a pause too short for two margins is shared
        ("0044440", 2, 0, 6, []),
        ("0054440", 2, 0, 6, [(2, 6)]),  # it goes on with less than it begins with
        ("9999979999", 2, 0, 8, [(0, 5), (5, 10)]),  # no pause for too long
        (30 * "9", 2, 0, 8, [(0, 4), (4, 8), (8, 12), (12, 16), (16, 20), (20, 24), (24, 30)]),
    ],
)
def test_groups(text, silence, margin, longest, pieces):
    found = list(group(steps(text), silence, margin, longest))
    assert found == pieces and all(end - start <= longest for start, end in found)


def test_all_speech_is_in_a_piece():
    for seed in range(20):
        random = np.random.default_rng(seed)
        speech = np.repeat(random.random(30), random.integers(1, 30, 30))
        found = list(group(speech, 4, random.integers(0, 6), 40))
        inside = np.zeros(len(speech), int)
        for start, end in found:
            assert 0 < end - start <= 40
            inside[start:end] += 1
        assert inside.max(initial=0) <= 1 and inside[speech >= 0.5].all()


@pytest.fixture(scope="module")
def an4(tmp_path_factory):
    root = tmp_path_factory.mktemp("an4")
    directories = prepare_mini_an4(root / "data", root / "downloads")
    tables = [read_table(directory / "wav.scp") for directory in directories]
    names = sorted(file for table in tables for file in table.values())
    return [soundfile.read(file, dtype="float32")[0] for file in names]


@pytest.mark.parametrize("rate", [8000, 16000])
def test_speech_between_silence(an4, rate):
    silence = 1e-4 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    parts = [part for samples in an4[:3] for part in (silence, samples)]
    samples = np.concatenate([*parts, silence])[:: RATE // rate]
    found = list(VoiceActivity(SILERO, rate).pieces(samples, 4.0))
    assert len(found) == 3
    place = 3
    for (start, piece), utterance in zip(found, an4, strict=False):
        end = (start + len(piece)) / rate
        assert np.array_equal(piece, samples[start : start + len(piece)])
        assert place - 0.1 < start / rate < end < place + len(utterance) / RATE + 0.5
        assert len(piece) / rate > 0.4 * len(utterance) / RATE
        place += 3 + len(utterance) / RATE
    assert list(VoiceActivity(SILERO, rate).pieces(silence, 4.0)) == []


def test_refused(tmp_path, exported, monkeypatch):
    with pytest.raises(UserError, match="vad takes 8000 or 16000 Hz and the model 11025 Hz"):
        VoiceActivity(SILERO, 11025)
    with pytest.raises(UserError, match="none.onnx is not there: vad: name Silero's file"):
        VoiceActivity(tmp_path / "none.onnx", RATE)
    with pytest.raises(UserError, match="model.onnx is not Silero's detector"):
        VoiceActivity(exported[0] / "model.onnx", RATE)
    monkeypatch.setattr("espnet_recursive.onnx_recognizer.voice_activity.find_spec", lambda _: None)
    with pytest.raises(UserError, match="pip install --no-deps silero-vad"):
        VoiceActivity(SILERO, RATE)
