"""Audio of any length, in blocks."""

import os
import stat

import numpy as np
import pytest
import soundfile

from espnet_recursive.files import audio_blocks as module
from espnet_recursive.files.audio_blocks import AudioError, audio_blocks
from espnet_recursive.files.read_audio import decode, inspect
from tests.files.audio_kinds import PYAV, RATE, compressed, encoded, speech, wav


def kinds():
    samples = speech(4 * RATE)
    yield "wav", wav(samples.tobytes())
    yield "wav of a pipe", wav(samples.tobytes(), data_size=0xFFFFFFFF)
    yield "flac", encoded(samples, "FLAC")
    yield "ogg", encoded(samples, "OGG")
    yield "mp3", encoded(samples, "MP3")
    if PYAV:
        yield "m4a", compressed(samples, "ipod", "aac")
        yield "webm", compressed(samples, "webm", "libopus")


@pytest.mark.parametrize("name, content", list(kinds()), ids=lambda value: str(value)[:13])
def test_small_blocks_are_the_whole(name, content, monkeypatch):
    whole = np.concatenate([block for block, _ in audio_blocks(content)])
    monkeypatch.setattr(module, "_BLOCK", 1000)
    blocks = [block for block, _ in audio_blocks(content)]
    assert len(blocks) > 20 and max(map(len, blocks)) <= 8192
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_a_cut_flac_fails_behind_what_can_be_read(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 1000)
    noise = np.random.default_rng(0).integers(-(2**12), 2**12, 40000).astype(np.int16)
    content = encoded(noise, "FLAC")
    read = []
    with pytest.raises(AudioError, match="only about .* of its 40000 samples"):
        for block, _ in audio_blocks(content[: len(content) // 2]):
            read.append(block[:, 0])
    start = np.round(np.concatenate(read) * 32768)
    np.testing.assert_array_equal(start, noise[: len(start)])


def test_a_reader_that_stops_leaves_nothing_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    for name, content in kinds():
        (tmp_path / "sound").write_bytes(content)
        blocks = audio_blocks(tmp_path / "sound")
        next(blocks)
        blocks.close()
        assert len(os.listdir("/proc/self/fd")) == len(before), name


def test_a_file_in_a_pipe_of_more_than_4_gib(tmp_path):
    """Sizes of 32 bits do not hold it. The file has holes, and takes no disk."""
    path = tmp_path / "long.wav"
    path.write_bytes(wav(speech(1000).tobytes(), data_size=0xFFFFFFFF))
    os.truncate(path, 5 * 2**30)
    with path.open("rb") as file:
        sound = module.check_sound(file)
        with soundfile.SoundFile(module.RepairedWav(file, sound)) as audio:
            assert audio.frames == (5 * 2**30 - 44) // 2
            np.testing.assert_array_equal(audio.read(1000, dtype="int16"), speech(1000))


@pytest.mark.parametrize("name", ["sound.raw", "sound.mp3"])
def test_a_name_says_nothing(tmp_path, name):
    (tmp_path / name).write_bytes(wav(speech().tobytes()))
    samples, rate = decode(tmp_path / name)
    np.testing.assert_array_equal(np.round(samples[:, 0] * 32768), speech())
    assert inspect(tmp_path / name).rate == rate == RATE


def test_ffmpeg_is_ended_with_its_reader(monkeypatch, tmp_path):
    """A stand-in that writes without an end."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    au = encoded(speech(100), "AU", "FLOAT")
    (tmp_path / "head").write_bytes(au[:24])
    (tmp_path / "ffmpeg").write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/head /dev/zero\n")
    (tmp_path / "ffmpeg").chmod(stat.S_IRWXU)
    blocks = audio_blocks(b"\0\0\0\x1cftypM4A " + bytes(200))
    block, rate = next(blocks)
    assert rate == RATE and not block.any()
    blocks.close()
