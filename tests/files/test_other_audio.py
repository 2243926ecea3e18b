"""What libsndfile lacks, by PyAV, by ffmpeg, or by neither."""

import importlib.util
import io
import stat

import numpy as np
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.other_audio import other_blocks
from espnet_recursive.files.read_audio import AudioError, decode
from tests.files.audio_kinds import RATE, compressed, encoded, speech

M4A = b"\0\0\0\x1cftypM4A " + bytes(200)


def decode_other(content):
    blocks, rates = zip(*other_blocks(io.BytesIO(content)), strict=True)
    (rate,) = set(rates)
    return np.concatenate(blocks), rate


@pytest.fixture
def no_pyav(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_neither_is_there(no_pyav):
    with pytest.raises(AudioError, match=r"not recognised; .* PyAV \(pip install av\) or ffmpeg"):
        decode(M4A)


@pytest.mark.parametrize("status", [0, 1])
def test_ffmpeg(no_pyav, status):
    """A stand-in for the program: it writes AU into a pipe as ffmpeg does."""
    au = encoded(speech() / np.float32(32768), "AU", "FLOAT")
    (no_pyav / "sound").write_bytes(au[:8] + b"\xff" * 4 + au[12:])
    (no_pyav / "ffmpeg").write_text(
        f'#!/bin/sh\n[ -s "${{9#file:}}" ] || exit 9\nif [ {status} = 0 ]; then '
        f"/bin/cat {no_pyav}/sound; else echo moov atom not found >&2; exit 1; fi\n"
    )
    (no_pyav / "ffmpeg").chmod(stat.S_IRWXU)
    if status:
        with pytest.raises(UserError, match="nor does ffmpeg read it .*moov atom not found"):
            decode_other(M4A)
        return
    samples, rate = decode_other(M4A)
    assert rate == RATE
    np.testing.assert_array_equal(np.round(samples[:, 0] * 32768), speech())


def test_pyav():
    pytest.importorskip("av")
    samples, rate = decode_other(compressed(speech(), "ipod", "aac"))
    assert rate == RATE and samples.ndim == 2 and samples.dtype == np.float32
    with pytest.raises(UserError, match="nor does FFmpeg read it"):
        decode_other(b"RIFF....WAVEfmt ")


def test_lists_of_other_files_are_not_followed(tmp_path):
    """FFmpeg would read whatever such a list names."""
    pytest.importorskip("av")
    (tmp_path / "secret.m4a").write_bytes(compressed(speech(), "ipod", "aac"))
    for text in (
        f"ffconcat version 1.0\nfile '{tmp_path}/secret.m4a'\n",
        f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/secret.m4a\n#EXT-X-ENDLIST\n",
    ):
        with pytest.raises(UserError, match="nor does FFmpeg read it"):
            decode_other(text.encode())
