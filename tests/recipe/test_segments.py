"""Utterances that are cut out of recordings, as Kaldi's `segments` says."""

import time

import numpy as np
import pytest
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.format_audio import format_data_dir
from tests.files.audio_kinds import wav

RATE = 16000
SEGMENTS = {"s-a": "r1 0.5 1.25", "s-b": "r1 1.25 -1", "s-c": "r2 0 1.9", "s-d": "r1 0.123 0.5"}


@pytest.fixture
def source(tmp_path):
    """Two recordings of one and two channels, one of them written into a pipe."""
    samples = np.arange(-RATE, RATE, dtype=np.int16)
    soundfile.write(tmp_path / "r1.flac", samples, RATE)
    (tmp_path / "r2.wav").write_bytes(
        wav(np.stack([samples, -samples], 1).tobytes(), channels=2, data_size=0xFFFFFFFF)
    )
    folder = tmp_path / "source"
    folder.mkdir()
    wav_scp = f"r1 {tmp_path}/r1.flac\nr2 cat {tmp_path}/r2.wav |\n"
    (folder / "wav.scp").write_text(wav_scp + "r3 not_used.wav\n")
    write(folder, SEGMENTS)
    return folder


def write(folder, segments):
    (folder / "segments").write_text("".join(f"{u} {v}\n" for u, v in segments.items()))
    (folder / "text").write_text("".join(f"{u} X\n" for u in segments))
    (folder / "utt2spk").write_text("".join(f"{u} s\n" for u in segments))


@pytest.mark.parametrize("nj", [1, 2])
@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_parts_are_those_of_the_recording(source, tmp_path, nj, audio_format):
    format_data_dir(source, tmp_path / f"out{nj}", RATE, audio_format, nj, "1")
    times = {"s-a": (8000, 20000), "s-b": (20000, 32000), "s-c": (0, 30400), "s-d": (1968, 8000)}
    table = read_table(tmp_path / f"out{nj}" / "wav.scp")
    assert list(table) == list(times)
    lengths = read_table(tmp_path / f"out{nj}" / "utt2num_samples")
    for utterance, (start, end) in times.items():
        samples, _ = soundfile.read(table[utterance], dtype="int16")
        np.testing.assert_array_equal(samples, np.arange(start, end) - RATE)
        assert int(lengths[utterance]) == end - start


def test_a_changed_segment_and_another_channel_are_cut_anew(source, tmp_path):
    format_data_dir(source, tmp_path / "out", RATE, channel="1")
    files = {path.stem: path for path in (tmp_path / "out" / "data").iterdir()}
    before = {name: path.stat().st_mtime_ns for name, path in files.items()}
    time.sleep(0.01)
    write(source, SEGMENTS | {"s-a": "r1 0.5 1.0"})
    format_data_dir(source, tmp_path / "out", RATE, channel="1")
    changed = {name for name, path in files.items() if path.stat().st_mtime_ns != before[name]}
    assert changed == {"s-a"}
    assert soundfile.info(files["s-a"]).frames == 8000
    write(source, {"s-c": "r2 0 1.9"})
    format_data_dir(source, tmp_path / "out", RATE, channel="2")
    assert soundfile.read(files["s-c"], dtype="int16")[0][0] == RATE


def test_the_end_may_be_a_little_late(source, tmp_path):
    """Kaldi allows half a second."""
    write(source, {"s-a": "r1 1.5 2.4"})
    format_data_dir(source, tmp_path / "out", RATE)
    assert read_table(tmp_path / "out" / "utt2num_samples") == {"s-a": "8000"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("r1 1.5 2.6", r"r1\.flac \(utterance s-a\): .* 1.5 to 2.6 s, .* has 2\.00 s"),
        ("r1 2.2 -1", r"2.2 to the end s, and the recording has 2\.00 s"),
        ("r1 2.0 2.2", "has 2.00 s"),
        ("r9 0 1", r"segments, s-a: the recording r9 is not in .*wav\.scp"),
        ("r1 1 1", "expected a recording, and where .* 'r1 1 1'"),
        ("r1 -1 1", "expected a recording"),
        ("r1 0 nan", "expected a recording"),
        ("r1 0 end", "expected a recording"),
        ("r1 0", "expected a recording"),
        ("r1 0 1 2", "expected a recording"),
    ],
)
def test_bad_segments(source, tmp_path, line, message):
    write(source, {"s-a": line})
    with pytest.raises(UserError, match=message):
        format_data_dir(source, tmp_path / "out", RATE)
    assert not (tmp_path / "out" / "wav.scp").exists()


def test_a_segment_without_a_text(source, tmp_path):
    (source / "text").write_text("s-a X\n")
    with pytest.raises(UserError, match=r"3 utterances of .*segments are not in .*text"):
        format_data_dir(source, tmp_path / "out", RATE)


def test_two_channels_without_a_choice(source, tmp_path):
    with pytest.raises(UserError, match=r"r2\.wav .* has 2 channels: choose .* --channel 1 to 2"):
        format_data_dir(source, tmp_path / "out", RATE)
