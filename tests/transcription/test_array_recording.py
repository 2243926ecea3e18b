"""Samples are resampled and scaled in blocks as they are in one."""

import numpy as np
import pytest
import soxr

from espnet_recursive.transcription import array_recording as module
from espnet_recursive.transcription.array_recording import array_recording


@pytest.mark.parametrize("rate", [16000, 8000, 11025])
def test_blocks_make_no_difference(rate, monkeypatch):
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, 30000).astype(np.int16)
    monkeypatch.setattr(module, "_BLOCK", 1234)
    recording = array_recording(samples, 16000)
    read = np.concatenate(list(recording.blocks(rate)))
    floats = (samples / 32768).astype(np.float32)
    assert recording.seconds == 30000 / 16000 and read.dtype == np.float32
    assert np.array_equal(read, floats if rate == 16000 else soxr.resample(floats, 16000, rate))
    again = np.concatenate(list(recording.blocks(rate)))
    assert np.array_equal(read, again), "it can be read again"


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.float16, np.float64])
def test_types_have_the_same_scale(dtype):
    whole = np.array([-0.5, 0.0, 0.25])
    kind, bits = np.dtype(dtype).kind, 8 * np.dtype(dtype).itemsize
    scale = 1 if kind == "f" else 2 ** (bits - 1)
    samples = (whole * scale + 128 * (kind == "u")).astype(dtype)
    (block,) = array_recording(samples, 16000).blocks(16000)
    assert np.array_equal(block, whole.astype(np.float32))
