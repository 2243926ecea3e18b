"""Each kind of data directory is read, with the right values, or refused in a sentence."""

import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.format_audio import format_data_dir
from espnet_recursive.recipe.lm_text import write_lm_text
from espnet_recursive.recipe.token_list import read_sentences
from tests.recipe.data_dir_kinds import RATE, Source, kinds, samples

#: Seconds after which reading counts as hanging.
LIMIT = 20.0


@pytest.fixture
def no_hanging():
    def hang(*_):
        raise AssertionError("it hangs")

    signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def state(folder):
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
@pytest.mark.parametrize("name", list(kinds()))
def test_each_kind(name, audio_format, tmp_path, no_hanging):
    """As stages 3 to 5 read it."""
    kind, source, out = kinds()[name], Source(tmp_path / "in" / "data"), tmp_path / "out"
    kind.change(source)
    source.write()
    before = state(tmp_path / "in")
    if kind.refusal is None:
        format_data_dir(source.folder, out, RATE, audio_format)
        check(source, out, kind.text, audio_format)
    else:
        with pytest.raises(UserError, match=kind.refusal) as error:
            format_data_dir(source.folder, out, RATE, audio_format)
        assert str(error.value).isprintable(), "one sentence"
        assert not (out / "wav.scp").exists()
    assert state(tmp_path / "in") == before, "what is the user's stays as it is"
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "out", "lm.txt"}


def check(source, out, text, audio_format):
    """Texts, ids and samples are those of the kind, in all that reads them."""
    assert read_table(out / "text", empty_values=True) == text
    files = read_table(out / "wav.scp")
    assert {key: soundfile.info(path).frames for key, path in files.items()} == source.lengths
    assert read_table(out / "utt2num_samples") == {k: str(n) for k, n in source.lengths.items()}
    assert {soundfile.info(path).format for path in files.values()} == {audio_format.upper()}
    if "a-1" in files and source.lengths["a-1"] == 1600:
        read, _ = soundfile.read(files["a-1"], dtype="int16")
        np.testing.assert_array_equal(read, samples(1600))
    words = [line for line in text.values() if line]
    if words:
        write_lm_text([out / "text"], out.parent / "lm.txt")
        assert sorted(read_sentences(out / "text")) == sorted(words)
        assert sorted(read_table(out.parent / "lm.txt").values()) == sorted(words)


def test_a_process_that_a_command_leaves_is_ended(tmp_path):
    source = Source(tmp_path / "data")
    source.value("a-2", f"sleep 4711 > /dev/null 2>&1 & cat {source.audio}/a-2.wav |")
    format_data_dir(source.write(), tmp_path / "out", RATE)
    time.sleep(0.1)
    left = subprocess.run(["pgrep", "-f", "^sleep 4711"], capture_output=True, text=True)
    assert not re.findall(r"\d+", left.stdout)


def test_the_page_counts_these_kinds():
    page = (Path(__file__).parents[2] / "docs/faults.md").read_text()
    read = sum(kind.refusal is None for kind in kinds().values())
    row = f"| {len(kinds())} | {read} | {len(kinds()) - read} | 0 | 0 |"
    assert f"| data directories, in FLAC and in WAV {row}" in page
