"""A long recording's transcript is that of its segments, and its times are those of its speech."""

import numpy as np
import pytest
import soundfile

from espnet_recursive import Speech2Text
from espnet_recursive.transcription.cutting import cut
from espnet_recursive.transcription.transcribe import transcribe
from tests.publish.experiments import FAST

RATE = 16000


@pytest.fixture(scope="module")
def model(packed):
    return Speech2Text.from_pretrained(packed, **FAST)


@pytest.fixture(scope="module")
def recording(recipe, tmp_path_factory):
    """All utterances, with pauses of a second."""
    path = tmp_path_factory.mktemp("long") / "long.flac"
    parts = [soundfile.read(file, dtype="int16")[0] for file in recipe.audio]
    pause = np.random.default_rng(0).integers(-3, 4, RATE).astype(np.int16)
    soundfile.write(path, np.concatenate([x for part in parts for x in (part, pause)]), RATE)
    return str(path)


@pytest.mark.parametrize("vad", ["auto", "none", "silero", "energy"])
def test_the_text_is_that_of_its_segments(model, recording, vad):
    samples, _ = soundfile.read(recording, dtype="float32")
    (result,) = transcribe([recording], model, vad=vad, max_seconds=5.0)
    pieces = list(cut([samples], RATE, vad, 5.0))
    assert len(result.segments) == len(pieces) > 2
    for segment, (start, piece) in zip(result.segments, pieces, strict=True):
        text, tokens, _, hypothesis = model(piece)[0]
        assert (segment.text, segment.tokens) == (text, tokens)
        assert segment.score == pytest.approx(float(hypothesis.score), rel=1e-6)
        assert (segment.start, segment.loops) == (round(start / RATE, 3), 3)
    assert result.text == " ".join(segment.text for segment in result.segments)
    assert result.seconds == len(samples) / RATE and result.loops == 3


@pytest.mark.parametrize("batch_size", [1, 4])
def test_times_go_forward_within_the_recording(model, recording, recipe, batch_size):
    files = [str(recipe.audio[0]), recording]
    for result in transcribe(files, model, batch_size, words=True, max_seconds=5.0):
        last = 0.0
        for segment in result.segments:
            assert last <= segment.start < segment.end <= result.seconds + 1e-3
            last = segment.start
            for word in segment.words:
                assert last <= word.start < word.end <= segment.end + 1e-3
                last = word.start
            assert " ".join(word.text for word in segment.words) == segment.text
            last = segment.end
        assert [word.text for word in result.words] == result.text.split()


def test_batches_of_segments_say_what_single_ones_say(model, recording, recipe):
    files = [recording, str(recipe.audio[3])]
    alone = {r.file: r for r in transcribe(files, model, max_seconds=5.0)}
    for result in transcribe(files, model, 3, max_seconds=5.0):
        expected = alone[result.file]
        assert result.text == expected.text and result.tokens == expected.tokens
        assert [s.start for s in result.segments] == [s.start for s in expected.segments]


def test_silence_has_no_text(model, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(40 * RATE), RATE)
    (result,) = transcribe([str(tmp_path / "silence.wav")], model)
    assert (result.text, result.segments, result.seconds) == ("", [], 40.0)


def test_a_recording_that_goes_bad_is_one_failure(model, recording, recipe, tmp_path):
    """Behind segments that were good."""
    samples, _ = soundfile.read(recording, dtype="float32")
    samples = np.tile(samples, 3)
    samples[-5] = np.nan
    soundfile.write(tmp_path / "bad.wav", samples, RATE, "FLOAT")
    files = [str(tmp_path / "bad.wav"), str(recipe.audio[0])]
    bad, good = transcribe(files, model, max_seconds=5.0)
    assert "no finite numbers" in bad.reason and good.text
