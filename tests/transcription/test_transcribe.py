"""Audio of many kinds, good and bad."""

import os
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from espnet_recursive import Speech2Text
from espnet_recursive.errors import UserError
from espnet_recursive.transcription.recording import Recording, file_recording
from espnet_recursive.transcription.results import Failure, Transcript
from espnet_recursive.transcription.transcribe import Settings, transcribe, transcribe_recordings
from tests.publish.experiments import FAST


@pytest.fixture(scope="module")
def model(packed):
    return Speech2Text.from_pretrained(packed, **FAST)


@pytest.fixture(scope="module")
def files(recipe):
    return [str(path) for path in recipe.audio]


def test_text_is_that_of_espnet(model, files):
    results = list(transcribe(files[:2], model))
    assert [result.file for result in results] == files[:2]
    for result in results:
        samples, _ = soundfile.read(result.file, dtype="float32")
        text, tokens, _, hypothesis = model(samples)[0]
        assert (result.text, result.tokens) == (text, tokens)
        assert result.score == float(hypothesis.score)
        assert result.seconds == len(samples) / 16000 and result.rtf > 0
        assert result.loops == 3


def test_batches_say_what_single_files_say(model, files):
    alone = {result.file: result for result in transcribe(files, model)}
    batched = list(transcribe(files, model, batch_size=3))
    lengths = [result.seconds for result in batched]
    assert len(batched) == len(files) == 8
    assert lengths == sorted(lengths), "the shortest come first"
    for result in batched:
        assert result.text == alone[result.file].text
        assert result.tokens == alone[result.file].tokens
        assert result.score == pytest.approx(alone[result.file].score, rel=1e-6)


def test_loops_that_each_file_ran(packed, files):
    """Three are configured."""
    model = Speech2Text.from_pretrained(packed, **FAST, num_loops=2)
    assert [result.loops for result in transcribe(files[:2], model)] == [2, 2]
    assert [result.loops for result in transcribe(files[:2], model, batch_size=2)] == [2, 2]


def test_results_come_as_they_are_known(model, files):
    read = []

    def recording(file):
        source = file_recording(file)
        return Recording(file, lambda rate: read.append(file) or source.blocks(rate))

    next(transcribe_recordings(list(map(recording, files)), model, Settings()))
    assert read == files[:1]


def test_the_same_file_twice(model, files):
    results = list(transcribe([files[0], files[0]], model, batch_size=2))
    assert [result.file for result in results] == [files[0]] * 2


def test_a_model_of_features_takes_no_audio(files):
    model = SimpleNamespace(asr_train_args=Namespace(input_size=13, frontend_conf={}))
    with pytest.raises(UserError, match="features of 13 dimensions, not audio: .* extracted"):
        next(transcribe(files, model))


@pytest.fixture
def bad(tmp_path):
    """Files that are none, hold nothing, are too short to be speech, or are not there."""
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "zero.wav").touch()
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "short.wav", np.full(200, 0.1), 16000)
    return [str(tmp_path / name) for name in ("text.wav", "zero.wav", "empty.wav", "short.wav")] + [
        str(tmp_path / "none.wav")
    ]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_bad_files_do_not_stop_the_others(model, files, bad, batch_size):
    results = list(transcribe([*bad, *files[:2]], model, batch_size))
    failures = {result.file: result.reason for result in results if isinstance(result, Failure)}
    assert set(failures) == set(bad)
    for file, reason in failures.items():
        assert file in reason
    assert "holds no samples" in failures[bad[2]]
    assert "cannot be transcribed" in failures[bad[3]]
    assert "cannot be read" in failures[bad[0]] and "no such file" in failures[bad[4]]
    good = [result for result in results if isinstance(result, Transcript)]
    assert {result.file for result in good} == set(files[:2])


def test_samples_that_are_no_numbers(model, files, tmp_path):
    samples = np.zeros((16000, 2), np.float32)
    samples[77, 1] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, 16000, "FLOAT")
    bad, good = transcribe([str(tmp_path / "nan.wav"), files[0]], model)
    assert isinstance(good, Transcript) and isinstance(bad, Failure)
    assert "nan.wav: 1 samples are no finite numbers" in bad.reason and "number 77." in bad.reason


def test_weights_that_are_no_numbers(packed, files):
    model = Speech2Text.from_pretrained(packed, **FAST)
    model.asr_model.ctc.ctc_lo.bias.data.fill_(float("nan"))
    model.asr_model.decoder.output_layer.bias.data.fill_(float("nan"))
    (failure,) = transcribe(files[:1], model)
    assert "cannot be transcribed" in failure.reason


def test_a_name_that_is_not_utf_8(model, files, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xe4.wav"
    with open(path, "wb") as copy:
        copy.write(Path(files[0]).read_bytes())
    name = os.fsdecode(path)
    for batch_size in (1, 2):
        results = list(transcribe([name, files[0]], model, batch_size))
        assert [result.text for result in results] == [results[0].text] * 2


def test_two_channels(model, files, tmp_path):
    samples, rate = soundfile.read(files[0], dtype="float32")
    soundfile.write(tmp_path / "two.wav", np.stack([0 * samples, samples], 1), rate)
    (refused,) = transcribe([str(tmp_path / "two.wav")], model)
    assert isinstance(refused, Failure) and "two.wav has 2 channels" in refused.reason
    assert "--channel mean" in refused.reason
    (alone,) = transcribe(files[:1], model)
    (second,) = transcribe([str(tmp_path / "two.wav")], model, channel="2")
    assert second.text == alone.text and second.score == pytest.approx(alone.score, rel=1e-6)
