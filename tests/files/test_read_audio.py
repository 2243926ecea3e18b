"""Audio as programs write it: what is read, bit for bit, and what is refused, with the reason."""

import os

import numpy as np
import pytest
import soundfile

from espnet_recursive.files.read_audio import AudioError, about_seconds, decode, inspect
from tests.files.audio_kinds import RATE, bad_kinds, compressed, encoded, good_kinds, speech, wav

GOOD = {kind.name: kind for kind in good_kinds()}
BAD = {kind.name: kind for kind in bad_kinds()}


@pytest.fixture(params=GOOD)
def good(request, tmp_path):
    """A kind, and its file."""
    kind = GOOD[request.param]
    (tmp_path / kind.name).write_bytes(kind.content)
    return kind, tmp_path / kind.name


def test_good_kinds_are_read(good, capfd):
    kind, path = good
    for source in (path, kind.content):
        samples, rate = decode(source)
        assert samples.dtype == np.float32 and samples.shape[1] == 1
        kind.check(samples[:, 0], rate)
    assert capfd.readouterr() == ("", "")


def test_what_is_said_without_decoding_is_what_others_read(good):
    """What stage 3 leaves in place is read by ESPnet through libsndfile."""
    kind, path = good
    info = inspect(path)
    if info is not None:
        samples, rate = soundfile.read(path, always_2d=True)
        assert (info.frames, info.channels, info.rate) == (*samples.shape, rate)
        np.testing.assert_array_equal(samples, decode(path)[0])
        kind.check(samples[:, 0].astype(np.float32), rate)
    elif not kind.lossy:
        assert kind.name.startswith(("size", "sox", "max", "ffmpeg", "data", "piped")), kind.name


@pytest.mark.parametrize("name", BAD)
def test_bad_kinds_are_refused(name, tmp_path, capfd):
    kind = BAD[name]
    (tmp_path / name).write_bytes(kind.content)
    for source in (tmp_path / name, kind.content):
        with pytest.raises(AudioError, match=kind.message):
            decode(source)
    try:  # found without decoding, it is the same
        inspect(tmp_path / name)
    except AudioError as error:
        with pytest.raises(AudioError) as other:
            decode(tmp_path / name)
        assert str(other.value) == str(error)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_flac_says_by_how_much(tmp_path, share):
    noise = np.random.default_rng(0).integers(-(2**12), 2**12, 40000).astype(np.int16)
    content = encoded(noise, "FLAC")
    (tmp_path / "cut.flac").write_bytes(content[: int(share * len(content))])
    for read in (decode, inspect):
        with pytest.raises(AudioError, match="only about .* of its 40000 samples") as error:
            read(tmp_path / "cut.flac")
        assert abs(int(str(error.value).split()[8]) - share * 40000) < 5000


def test_a_cut_mp3_is_read_as_far_as_it_decodes():
    content = encoded(speech(4 * RATE), "MP3")
    samples, _ = decode(content[: len(content) // 2])
    assert 1.7 < len(samples) / RATE < 2.3


def test_an_mp3_of_changing_bit_rate_without_a_table():
    """Its length can only be estimated, and was too short."""
    quiet, loud = np.zeros(2 * RATE, np.int16), speech(2 * RATE)
    pytest.importorskip("av")
    parts = [compressed(part, "mp3", "libmp3lame", seekable=False) for part in (quiet, loud)]
    samples, _ = decode(b"".join(part[part.index(b"\xff\xf3") :] for part in parts))
    assert len(samples) > 3.9 * RATE


@pytest.mark.parametrize("channels", [2, 3])
def test_several_channels(channels):
    samples = np.stack([speech(500) // (i + 1) for i in range(channels)], axis=1)
    content = wav(samples.tobytes(), channels=channels, data_size=0xFFFFFFFF)
    read, _ = decode(content)
    np.testing.assert_array_equal(np.round(read * 32768), samples)


def test_missing_files_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for read in (decode, inspect):
        with pytest.raises(AudioError, match=f"no such file, and relative .* in {tmp_path}$"):
            read("a.wav")
        with pytest.raises(AudioError, match="no such file$") as error:
            read(tmp_path / "a.wav")
        assert error.value.remedy == "Correct the path"
        with pytest.raises(AudioError, match="directory"):
            read(tmp_path)


def test_about_seconds(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(speech(8000).tobytes()))
    (tmp_path / "a.mp3").write_bytes(encoded(speech(8000), "MP3"))
    assert about_seconds(tmp_path / "a.wav") == 0.5
    assert 0 < about_seconds(tmp_path / "a.mp3") < 2


def test_no_file_or_thread_stays_open():
    before = os.listdir("/proc/self/fd")
    for kind in GOOD.values():
        decode(kind.content)
    assert len(os.listdir("/proc/self/fd")) == len(before)
