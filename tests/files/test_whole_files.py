"""Files and directories that appear whole or not at all."""

import os
import signal
import subprocess
import sys

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_dir, whole_file, write_if_changed

#: Writes half of the new content, says so, and waits to be killed.
HALF_FILE = """
import sys, time
from espnet_recursive.files.whole_files import whole_file
with whole_file(sys.argv[1]) as file:
    file.write("half"); file.flush(); print("ready", flush=True); time.sleep(60)
"""
HALF_DIR = """
import sys, time
from espnet_recursive.files.whole_files import whole_dir
with whole_dir(sys.argv[1]) as part:
    (part / "new").write_text("half"); print("ready", flush=True); time.sleep(60)
"""


def kill_in_the_middle(script, path):
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def content(path):
    return {child.name: child.read_text() for child in path.iterdir()}


def test_file_appears_at_the_end(tmp_path):
    path = tmp_path / "new" / "folder" / "table"
    with whole_file(path) as file:
        file.write("日本 Zoë\n")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == "日本 Zoë\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_old_file_stays_until_the_end(tmp_path):
    path = tmp_path / "table"
    path.write_text("old")
    with whole_file(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert content(tmp_path) == {"table": "new"}


def test_who_reads_the_old_file_reads_all_of_it(tmp_path):
    """The new content is another file under the old name, not written over the old content."""
    path = tmp_path / "table"
    path.write_text("old")
    with path.open() as reader:
        with whole_file(path) as file:
            file.write("new")
        assert reader.read() == "old"


def test_bytes(tmp_path):
    with whole_file(tmp_path / "audio", "wb") as file:
        file.write(b"\x00\xff\r\n")
    assert (tmp_path / "audio").read_bytes() == b"\x00\xff\r\n"


def test_exception_leaves_the_old_file(tmp_path):
    path = tmp_path / "table"
    path.write_text("old")
    with pytest.raises(KeyError), whole_file(path) as file:
        file.write("half")
        raise KeyError
    assert content(tmp_path) == {"table": "old"}


def test_exception_leaves_no_new_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "table") as file:
        file.write("half")
        raise KeyboardInterrupt
    assert content(tmp_path) == {}


def test_killed_while_writing_a_file(tmp_path):
    path = tmp_path / "table"
    path.write_text("old")
    kill_in_the_middle(HALF_FILE, path)
    assert path.read_text() == "old"
    # What the killed process left behind does not get into the next file, nor stay.
    with whole_file(path) as file:
        file.write("new")
    assert content(tmp_path) == {"table": "new"}


def test_same_text_is_not_written_again(tmp_path):
    path = tmp_path / "new" / "RESULTS.md"
    write_if_changed(path, "ä\n")
    os.utime(path, (1, 1))
    write_if_changed(path, "ä\n")
    assert path.stat().st_mtime == 1
    write_if_changed(path, "ö\n")
    assert path.stat().st_mtime > 1
    assert content(path.parent) == {"RESULTS.md": "ö\n"}


def test_dir_appears_at_the_end(tmp_path):
    path = tmp_path / "new" / "tokens"
    with whole_dir(path) as part:
        (part / "tokens.txt").write_text("a")
        assert not path.exists()
    assert content(path) == {"tokens.txt": "a"}
    assert list(path.parent.iterdir()) == [path]


def test_dir_replaces_the_old_one_with_all_its_files(tmp_path):
    path = tmp_path / "tokens"
    path.mkdir()
    (path / "old").write_text("old")
    with whole_dir(path) as part:
        assert content(part) == {}
        (part / "new").write_text("new")
        assert content(path) == {"old": "old"}
    assert content(path) == {"new": "new"}


def test_exception_leaves_the_old_dir(tmp_path):
    path = tmp_path / "tokens"
    path.mkdir()
    (path / "old").write_text("old")
    with pytest.raises(KeyError), whole_dir(path) as part:
        (part / "new").write_text("half")
        raise KeyError
    assert list(tmp_path.iterdir()) == [path]
    assert content(path) == {"old": "old"}


def test_killed_while_writing_a_dir(tmp_path):
    path = tmp_path / "tokens"
    path.mkdir()
    (path / "old").write_text("old")
    kill_in_the_middle(HALF_DIR, path)
    assert content(path) == {"old": "old"}
    with whole_dir(path) as part:
        (part / "newer").write_text("newer")
    assert list(tmp_path.iterdir()) == [path]
    assert content(path) == {"newer": "newer"}


#: Writes new content whole, and is killed between the two renames that put it in its place.
BETWEEN_RENAMES = """
import os, sys, time
from espnet_recursive.files import whole_files
rename = os.replace
def replace(source, target):
    rename(source, target)
    if str(target).endswith(".old"):
        print("ready", flush=True); time.sleep(60)
whole_files.os.replace = replace
with whole_files.whole_dir(sys.argv[1]) as part:
    (part / "new").write_text("new")
"""


def test_killed_between_the_renames(tmp_path):
    """The old directory is put back by the next call, even by one that fails."""
    path = tmp_path / "tokens"
    path.mkdir()
    (path / "old").write_text("old")
    kill_in_the_middle(BETWEEN_RENAMES, path)
    assert not path.exists()
    with pytest.raises(KeyError), whole_dir(path):
        raise KeyError
    assert content(path) == {"old": "old"}
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_between_the_renames(tmp_path, monkeypatch):
    """By Ctrl-C, say: what was there before is there again at once."""
    path = tmp_path / "tokens"
    path.mkdir()
    (path / "old").write_text("old")
    rename = os.replace

    def replace(source, target):
        if target == path and source.name.endswith(".part"):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr("espnet_recursive.files.whole_files.os.replace", replace)
    with pytest.raises(KeyboardInterrupt), whole_dir(path) as part:
        (part / "new").write_text("new")
    assert content(path) == {"old": "old"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_not_replaced_by_a_dir(tmp_path):
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(UserError, match="notes is a file, .* name another folder"), whole_dir(path):
        raise AssertionError
    assert content(tmp_path) == {"notes": "mine"}


def test_a_dir_of_others_is_not_replaced(tmp_path):
    path = tmp_path / "thesis"
    path.mkdir()
    (path / "tokens.txt").write_text("a")
    own = ("tokens.txt", "bpe.model")
    with whole_dir(path, own) as part:
        (part / "tokens.txt").write_text("b")
    (path / "chapter1").write_text("years of work")
    with pytest.raises(UserError, match="thesis would be replaced, and holds chapter1"):
        with whole_dir(path, own) as part:
            (part / "tokens.txt").write_text("c")
    assert content(path) == {"tokens.txt": "b", "chapter1": "years of work"}
    assert list(tmp_path.iterdir()) == [path]
