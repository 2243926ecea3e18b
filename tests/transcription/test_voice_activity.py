"""Speech in a recording is found, whatever the blocks in which it comes, by each detector."""

import numpy as np
import pytest
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.transcription.cutting import VAD_NAMES, check_cutting, cut
from espnet_recursive.transcription.silero_detector import SileroDetector
from espnet_recursive.transcription.voice_activity import Detector, speech_pieces

RATE = 16000
detectors = pytest.mark.parametrize("vad", ["silero", "energy"])


@pytest.fixture(scope="module")
def spoken(recipe):
    """A recording of 60 s with faint noise, and where in it speech is: (start, end) in samples."""
    samples = np.random.default_rng(0).normal(0, 1e-4, 60 * RATE).astype(np.float32)
    places = []
    for start, path in zip((5, 20, 24, 40), (2, 3, 5, 6), strict=True):
        speech, _ = soundfile.read(recipe.audio[path], dtype="float32")
        samples[start * RATE : start * RATE + len(speech)] += speech
        places.append((start * RATE, start * RATE + len(speech)))
    return samples, places


def in_blocks(samples, size):
    return [samples[i : i + size] for i in range(0, len(samples), size)]


def same(found, others):
    return [start for start, _ in found] == [start for start, _ in others] and all(
        np.array_equal(a, b) for (_, a), (_, b) in zip(found, others, strict=True)
    )


@detectors
def test_speech_is_found_and_silence_left_out(spoken, vad):
    samples, places = spoken
    found = list(cut([samples], RATE, vad))
    speech = np.zeros(len(samples), bool)
    for start, piece in found:
        assert np.array_equal(samples[start : start + len(piece)], piece)
        assert not speech[start : start + len(piece)].any(), "pieces do not overlap"
        speech[start : start + len(piece)] = True
    assert [start for start, _ in found] == sorted(start for start, _ in found)
    for start, end in places:
        assert speech[start:end].mean() > 0.8
    assert speech.sum() < 0.5 * len(samples)
    for quiet in ((0, 4), (10, 19), (50, 60)):
        assert not speech[quiet[0] * RATE : quiet[1] * RATE].any()


@pytest.mark.parametrize("vad", VAD_NAMES)
def test_blocks_make_no_difference(spoken, vad):
    samples, _ = spoken
    whole = list(cut([samples], RATE, vad, 2.0))
    assert max(len(piece) for _, piece in whole) <= 2 * RATE
    for size in (1024, 54321):
        assert same(whole, list(cut(in_blocks(samples, size), RATE, vad, 2.0)))


@detectors
def test_other_rates(spoken, vad):
    """At 8 kHz speech is where it is at 16 kHz, within a few steps."""
    import soxr

    samples, _ = spoken
    wide = list(cut([samples], RATE, vad))
    narrow = list(cut(in_blocks(soxr.resample(samples, RATE, 8000), 5000), 8000, vad))
    assert len(narrow) == len(wide)
    for (a, x), (b, y) in zip(wide, narrow, strict=True):
        assert abs(a / RATE - b / 8000) < 0.3
        assert abs((a + len(x)) / RATE - (b + len(y)) / 8000) < 0.3


def test_none_leaves_nothing_out(spoken):
    samples, _ = spoken
    found = list(cut(in_blocks(samples, 7777), RATE, "none", 10.0))
    assert np.array_equal(np.concatenate([piece for _, piece in found]), samples)


def test_auto_takes_short_recordings_whole_and_finds_speech_in_long_ones(spoken, monkeypatch):
    samples, _ = spoken
    ((start, piece),) = cut(in_blocks(samples, 7777), RATE, "auto", 60.0)
    assert start == 0 and np.array_equal(piece, samples)
    assert same(
        list(cut([samples], RATE, "auto", 59.9)), list(cut([samples], RATE, "silero", 59.9))
    )
    monkeypatch.setattr(SileroDetector, "is_installed", lambda: False)
    assert same(
        list(cut([samples], RATE, "auto", 59.9)), list(cut([samples], RATE, "energy", 59.9))
    )


@detectors
def test_silence_has_no_speech(vad):
    assert list(cut([np.zeros(40 * RATE, np.float32)], RATE, vad)) == []
    assert list(cut([], RATE, vad)) == []


def test_energy_takes_what_has_no_contrast_for_speech():
    noise = np.random.default_rng(0).normal(0, 0.1, 40 * RATE).astype(np.float32)
    found = list(cut([noise], RATE, "energy", 100.0))
    assert sum(len(piece) for _, piece in found) == len(noise)


class Told(Detector):
    """Says what it is told, of steps of 10 samples."""

    step_seconds = 0.01

    def __init__(self, flags):
        super().__init__(40)
        self._flags = list(flags)

    def _detect(self, samples):
        count = -(-len(samples) // 10)
        told, self._flags = self._flags[:count], self._flags[count:]
        return np.array(told, bool)


def told(pattern, max_seconds=10.0):
    """Pieces of a recording at 1 kHz of a tenth of a second a character; x is speech."""
    flags = np.repeat([character == "x" for character in pattern], 10)
    samples = np.arange(100 * len(pattern), dtype=np.float32)
    found = list(speech_pieces(in_blocks(samples, 333), 1000, Told(flags), max_seconds))
    for start, piece in found:
        assert np.array_equal(piece, samples[start : start + len(piece)])
    return [(start // 100, (start + len(piece)) // 100) for start, piece in found]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("xxxx", [(0, 4)]),
        ("....xx.....", [(2, 8)]),  # with 0.2 s of the silence before and behind
        (".xx", [(0, 3)]),
        ("xx....xx", [(0, 8)]),  # a short pause
        ("xx.....xx", [(0, 4), (5, 9)]),
        ("xx......xx..", [(0, 4), (6, 12)]),
        ("......", []),
    ],
)
def test_pauses(pattern, found):
    assert told(pattern) == found


def test_a_click_is_no_speech():
    flags = np.zeros(300, bool)
    flags[100:105] = True
    samples = np.ones(3000, np.float32)
    assert list(speech_pieces([samples], 1000, Told(flags), 10.0)) == []


def test_long_speech_is_cut():
    found = told("x" * 100, 2.0)
    assert found[0][0] == 0 and found[-1][1] == 100
    assert all(a[1] == b[0] for a, b in zip(found, found[1:], strict=False))


def test_what_cannot_be(monkeypatch):
    with pytest.raises(UserError, match="vad 'loud': one of auto, none, silero, energy"):
        check_cutting("loud", 30.0, RATE)
    with pytest.raises(UserError, match="max_seconds 0.5: at least 1"):
        check_cutting("none", 0.5, RATE)
    monkeypatch.setattr("espnet_recursive.transcription.silero_detector._model", lambda: None)
    check_cutting("auto", 30.0, RATE)
    with pytest.raises(UserError, match="pip install 'silero-vad"):
        check_cutting("silero", 30.0, RATE)
