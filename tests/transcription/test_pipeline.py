"""The same speech as a file, samples of any type and rate, alone and in lists."""

import numpy as np
import pytest
import soundfile
import torch

import espnet_recursive
from espnet_recursive import Speech2Text
from espnet_recursive.errors import UserError
from tests.publish.experiments import FAST


@pytest.fixture(scope="module")
def pipe(packed):
    return espnet_recursive.pipeline(packed, **FAST)


@pytest.fixture(scope="module")
def speech(recipe):
    return soundfile.read(recipe.audio[2], dtype="int16")


def same(found, expected):
    assert found.text == expected.text and found.tokens == expected.tokens
    assert found.score == pytest.approx(expected.score, rel=1e-5)
    assert found.seconds == pytest.approx(expected.seconds)


def test_samples_of_any_type_are_the_file(pipe, recipe, speech):
    samples, rate = speech
    expected = pipe(str(recipe.audio[2]))
    assert expected.text and expected.segments[0].text == expected.text
    floats = samples.astype(np.float64) / 32768
    wide = np.stack([samples, 0 * samples])
    for audio in (
        samples,
        samples.astype(">i2"),
        samples.astype(np.int32) * 65536,
        floats,
        floats.astype(np.float32),
        torch.tensor(floats, requires_grad=True),
        samples[None],
        samples[:, None],
    ):
        same(pipe(audio, sampling_rate=rate), expected)
    same(pipe(wide, sampling_rate="16k", channel=1), expected)
    same(pipe({"array": floats, "sampling_rate": rate}), expected)
    same(pipe(recipe.audio[2].read_bytes()), expected)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_samples_of_any_rate_are_the_file_of_that_rate(pipe, speech, tmp_path, rate):
    samples, _ = speech
    soundfile.write(tmp_path / "a.wav", samples, rate)  # slower or faster, which is no matter
    same(pipe(samples, rate), pipe(tmp_path / "a.wav"))


def test_lists_keep_their_order(pipe, recipe, speech):
    samples, rate = speech
    files = [str(path) for path in recipe.audio[:4]]
    alone = [pipe(file) for file in files]
    together = pipe([*files, samples], rate, batch_size=3)
    for found, expected in zip(together, [*alone, alone[2]], strict=True):
        same(found, expected)
    assert pipe([]) == []


def test_words(pipe, speech):
    result = pipe(*speech, timestamps="word")
    assert " ".join(word.text for word in result.words) == result.text
    assert pipe(*speech).words == []


@pytest.mark.parametrize(
    ("audio", "rate", "message"),
    [
        (np.zeros(16000, np.float32), None, "do not say their rate"),
        (np.full(16000, np.nan, np.float32), 16000, "no finite numbers"),
        (np.zeros(16000, np.int64), 16000, "speech of type int64"),
        (np.full(16000, 3000.0), 16000, "a sample of 3000: .* Divide"),
        (np.zeros((16000, 2), np.float32), 16000, "has 2 channels: choose one"),
        (np.zeros((2, 3, 4), np.float32), 16000, "has shape"),
        (np.zeros(0, np.float32), 16000, "has shape"),
        (np.zeros(16000, np.float32), "fast", "sampling_rate fast"),
        (np.zeros(10, np.float32), 16000, "cannot be transcribed: it has 10 samples"),
        ([0.1, 0.2], 16000, "item 0 of the list is a float"),
        ("none.wav", None, "none.wav cannot be read"),
        ({"path": "a.wav"}, None, "needs the keys array and sampling_rate"),
    ],
)
def test_bad_audio_is_refused(pipe, audio, rate, message):
    with pytest.raises(UserError, match=message):
        pipe(audio, rate)


def test_a_loaded_model(pipe, packed, speech):
    model = Speech2Text.from_pretrained(packed, **FAST)
    same(espnet_recursive.pipeline(model)(*speech), pipe(*speech))
    with pytest.raises(UserError, match="keeps its options"):
        espnet_recursive.pipeline(model, beam_size=3)


def test_options_that_cannot_be(pipe, speech):
    with pytest.raises(UserError, match="timestamps 'sentence'"):
        pipe(*speech, timestamps="sentence")
    with pytest.raises(UserError, match="batch_size 0"):
        pipe(*speech, batch_size=0)
