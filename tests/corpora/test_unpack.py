"""Archives that are whole, cut off, damaged and others than expected."""

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from espnet_recursive.corpora.archive import find_archive
from espnet_recursive.corpora.unpack import is_unpacked, open_archive, unpack_corpus
from espnet_recursive.errors import UserError
from tests.corpora.archive_server import ArchiveServer
from tests.corpora.miniature import tar_gz


@pytest.fixture
def make(tmp_path):
    """Makes an archive of some files."""

    def make(files, name="corpus.tgz"):
        (tmp_path / "archives").mkdir(exist_ok=True)
        (tmp_path / "archives" / name).write_bytes(tar_gz(files))
        return find_archive(name, str(tmp_path / "archives"), tmp_path)

    return make


def contents(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_folder_and_what_is_beside_it(make, tmp_path):
    files = {"C/README": b"read", "C/part/a/1": b"one", "C/part/2": b"two", "C/other/3": b"three"}
    unpack_corpus(make(files), "C/part", tmp_path / "out" / "part")
    assert contents(tmp_path / "out") == {
        "README": b"read",
        "part/.completed": b"",
        "part/a/1": b"one",
        "part/2": b"two",
    }
    assert is_unpacked(tmp_path / "out" / "part")


def test_archives_in_the_archive(make, tmp_path):
    inner = {"./train/S1/1.wav": b"one", "./train/S1/2.wav": b"two"}
    files = {"d/wav/S1.tar.gz": tar_gz(inner), "d/wav/S2.tar.gz": tar_gz({"dev/S2/1.wav": b"x"})}
    unpack_corpus(make(files), "d", tmp_path / "d")
    assert contents(tmp_path / "d") == {
        ".completed": b"",
        "wav/dev/S2/1.wav": b"x",
        "wav/train/S1/1.wav": b"one",
        "wav/train/S1/2.wav": b"two",
    }


@pytest.mark.parametrize("place, inside", [("12/dev-clean.tar.gz", "LibriSpeech/dev-clean"),
                                           ("33/data_aishell.tgz", "data_aishell")])  # fmt: skip
@pytest.mark.parametrize("kept", [0, 0.01, 0.5, 0.99, -8, -1])
def test_cut_in_the_middle(place, inside, kept, own_mirror, tmp_path):
    path = own_mirror / place
    whole = path.read_bytes()
    end = kept if kept < 0 else int(kept * len(whole))
    path.write_bytes(whole[:end])
    archive = find_archive(place, str(own_mirror), tmp_path)
    out = tmp_path / "out"
    with pytest.raises(UserError, match=f"{path.name} is cut off or damaged: .*Replace it"):
        unpack_corpus(archive, inside, out / "corpus")
    assert not [path for path in out.glob("*") if path.suffix != ".TXT"]
    path.write_bytes(whole)
    unpack_corpus(find_archive(place, str(own_mirror), tmp_path), inside, out / "corpus")
    assert is_unpacked(out / "corpus")


@pytest.mark.parametrize("at", [5000, -5])
def test_damaged(at, own_mirror, tmp_path):
    """One that is as long as it should be, with other bytes; those of the checksum, too."""
    path = own_mirror / "12" / "dev-clean.tar.gz"
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 0xFF
    (tmp_path / path.name).write_bytes(damaged)
    with ArchiveServer(own_mirror) as server:
        archive = find_archive("12/dev-clean.tar.gz", server.url, tmp_path)
    with pytest.raises(UserError, match="damaged: .*as long as at http.*remove it and run again"):
        unpack_corpus(archive, "LibriSpeech/dev-clean", tmp_path / "dev-clean")
    archive = find_archive("12/dev-clean.tar.gz", server.url, tmp_path)
    with pytest.raises(UserError, match="damaged: .*could not be asked for the rest"):
        unpack_corpus(archive, "LibriSpeech/dev-clean", tmp_path / "dev-clean")
    assert not (tmp_path / "dev-clean").exists()


def test_another_archive_under_the_name(make, tmp_path):
    with pytest.raises(UserError, match="corpus.tgz holds no LibriSpeech/dev-clean"):
        unpack_corpus(
            make({"LibriSpeech/dev-other/1": b"x"}), "LibriSpeech/dev-clean", tmp_path / "d"
        )
    assert not (tmp_path / "d").exists()


def test_nothing_is_written_elsewhere(make, tmp_path):
    with pytest.raises(UserError, match="outside"):
        unpack_corpus(make({"C/part/../../../evil": b"x"}), "C/part", tmp_path / "out" / "part")
    assert not list(tmp_path.rglob("evil"))


def test_folder_of_unknown_origin_is_left_alone(tmp_path):
    (tmp_path / "dev-clean" / "84").mkdir(parents=True)
    with pytest.raises(UserError, match="not .completed in it.*--corpus_dir"):
        is_unpacked(tmp_path / "dev-clean")
    assert (tmp_path / "dev-clean" / "84").exists()


def test_compressed_text(tmp_path):
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"one\ntwo\n"))
    with open_archive(find_archive("text.gz", str(tmp_path), tmp_path)) as lines:
        assert list(lines) == [b"one\n", b"two\n"]


def test_disk_that_fills_up_while_unpacking(make, small_disk):
    disk = small_disk("256k")
    (disk / "other").write_bytes(bytes(100_000))
    archive = make({f"C/{number}": os.urandom(20_000) for number in range(10)})
    with pytest.raises(UserError, match=f"no space left on the disk of {disk}.*run again"):
        unpack_corpus(archive, "C", disk / "C")
    assert [path.name for path in disk.iterdir()] == ["other"]
    (disk / "other").unlink()
    unpack_corpus(archive, "C", disk / "C")
    assert len(contents(disk / "C")) == 11


def test_killed_while_unpacking(make, tmp_path):
    inner = [tar_gz({f"train/{n}/{m}": os.urandom(20) for m in range(200)}) for n in range(8)]
    archive = make({f"C/wav/{n}.tar.gz": content for n, content in enumerate(inner)})
    folder = tmp_path / "out" / "C"
    script = f"""
from pathlib import Path
from espnet_recursive.corpora.archive import find_archive
from espnet_recursive.corpora.unpack import unpack_corpus
archive = find_archive("corpus.tgz", {str(archive.path.parent)!r}, ".")
unpack_corpus(archive, "C", Path({str(folder)!r}))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL
    )
    while not list(folder.parent.glob(".C.part/wav/train/3/*")):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not folder.exists()
    unpack_corpus(archive, "C", folder)
    assert len(contents(folder)) == 8 * 200 + 1
    assert [path.name for path in folder.parent.iterdir()] == ["C"]
