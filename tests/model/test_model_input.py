"""What speech a model takes, and audio of other rates and channels read as such."""

import numpy as np
import pytest
import soundfile
import soxr

from espnet_recursive.errors import UserError
from espnet_recursive.model.model_input import read_speech, sampling_rate


@pytest.mark.parametrize(
    "frontend, rate", [({"fs": "16k"}, 16000), ({"fs": 8000}, 8000), ({}, 16000), (None, 16000)]
)
def test_sampling_rate(frontend, rate):
    assert sampling_rate({"frontend_conf": frontend}) == rate


@pytest.mark.parametrize("fs", ["fast", None, [16000], 0, -8000, 10**12, float("nan")])
def test_no_sampling_rate(fs):
    with pytest.raises(UserError, match="frontend_conf.fs .*(expected a samp|no audio has)"):
        sampling_rate({"frontend_conf": {"fs": fs}})


def test_another_sampling_rate_and_two_channels(recipe, tmp_path):
    samples, _ = soundfile.read(recipe.audio[0], dtype="float32")
    high = soxr.resample(samples, 16000, 48000)
    soundfile.write(tmp_path / "a.flac", np.stack([high, -0.5 * high], axis=1), 48000, "PCM_24")
    read = read_speech(tmp_path / "a.flac", 16000)
    assert read.ndim == 1 and read.dtype == np.float32
    assert abs(len(read) - len(samples)) <= 1
    middle = slice(1000, -1000)
    difference = read[: len(samples)][middle] - 0.25 * samples[middle]
    assert np.abs(difference).max() < 0.1 * 0.25 * np.abs(samples).max()


def test_the_right_rate_is_not_touched(recipe):
    samples, _ = soundfile.read(recipe.audio[0], dtype="float32")
    np.testing.assert_array_equal(read_speech(recipe.audio[0], 16000), samples)


def test_a_rate_that_is_none():
    assert sampling_rate({"frontend_conf": {"fs": "8k"}}) == 8000
    with pytest.raises(UserError, match="frontend_conf.fs abc: expected a sampling rate"):
        sampling_rate({"frontend_conf": {"fs": "abc"}})


@pytest.mark.parametrize("name", ["headerless.raw", "x" * 300])
def test_files_that_soundfile_cannot_open(tmp_path, name):
    if len(name) < 255:
        (tmp_path / name).write_bytes(bytes(100))
    with pytest.raises(UserError, match=f"{name}.* cannot be read"):
        read_speech(tmp_path / name, 16000)
