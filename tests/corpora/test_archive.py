"""Downloads from a real server that breaks off, lacks files, or sends only whole ones."""

import hashlib
import shutil

import pytest

from espnet_recursive.corpora import archive as archives
from espnet_recursive.corpora.archive import fetch, find_archive
from espnet_recursive.errors import UserError
from tests.corpora.archive_server import ArchiveServer

PLACE = "12/dev-clean.tar.gz"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(archives, "PAUSE", 0)


@pytest.fixture
def content(mirror):
    return (mirror / PLACE).read_bytes()


def digest(content):
    return hashlib.sha256(content).hexdigest()


def ranges(server):
    """The ranges that were asked for, without the question for the size."""
    return [asked for _, asked in server.requests if asked != "bytes=0-0"]


def test_download(mirror, content, tmp_path):
    with ArchiveServer(mirror) as server:
        archive = find_archive(PLACE, server.url, tmp_path / "downloads")
        assert (archive.size, archive.present, archive.resumable) == (len(content), 0, True)
        fetch(archive)
        assert digest(archive.path.read_bytes()) == digest(content)
        assert archive.path == tmp_path / "downloads" / "dev-clean.tar.gz"
        fetch(find_archive(PLACE, server.url, tmp_path / "downloads"))
    assert server.requests == [(PLACE, "bytes=0-0"), (PLACE, "bytes=0-"), (PLACE, "bytes=0-0")]


def test_broken_connections_are_continued(mirror, content, tmp_path):
    with ArchiveServer(mirror, break_after={PLACE: [20_000, 10_000]}) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
        fetch(archive)
    assert digest(archive.path.read_bytes()) == digest(content)
    assert ranges(server) == ["bytes=0-", "bytes=20000-", "bytes=30000-"]
    assert server.sent[PLACE] == len(content) + 1  # and the byte that tells the size


def test_part_of_an_earlier_run_is_continued(mirror, content, tmp_path):
    (tmp_path / "dev-clean.tar.gz").write_bytes(content[:50_000])
    with ArchiveServer(mirror) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
        fetch(archive)
    assert digest(archive.path.read_bytes()) == digest(content)
    assert ranges(server) == ["bytes=50000-"]


def test_given_up_when_nothing_more_comes(mirror, content, tmp_path):
    breaks = [40_000] + archives.TRIES * [0]
    with ArchiveServer(mirror, break_after={PLACE: breaks}) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
        with pytest.raises(UserError, match=f"40000 of {len(content)} bytes .* Run again later"):
            fetch(archive)
        fetch(archive)
    assert digest(archive.path.read_bytes()) == digest(content)


def test_server_that_dies(mirror, content, tmp_path):
    with ArchiveServer(mirror) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
    with pytest.raises(UserError, match="no more come .*refused.*Run again later"):
        fetch(archive)
    assert archive.present == 0


def test_server_that_only_sends_whole_files(mirror, content, tmp_path):
    with ArchiveServer(mirror, ranges=False) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
        server.break_after[PLACE] = [40_000]
        with pytest.raises(UserError, match="only sends whole files.*or remove the part"):
            fetch(archive)
        # The part is kept, for another mirror.
        assert archive.path.read_bytes() == content[:40_000]
        archive.path.unlink()
        fetch(archive)
    assert digest(archive.path.read_bytes()) == digest(content)


def test_server_that_sends_more_than_it_announced(mirror, content, tmp_path):
    with ArchiveServer(mirror, endless=[PLACE]) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
        assert archive.size == len(content)
        with pytest.raises(UserError, match=f"{PLACE} sends more than the .* that are missing"):
            fetch(archive)
    assert archive.present <= len(content)


def test_more_than_the_server_has(mirror, content, tmp_path):
    (tmp_path / "dev-clean.tar.gz").write_bytes(content + b"x")
    with ArchiveServer(mirror) as server:
        with pytest.raises(UserError, match="not the same file. Remove it"):
            fetch(find_archive(PLACE, server.url, tmp_path))
    assert (tmp_path / "dev-clean.tar.gz").read_bytes() == content + b"x"


def test_archive_that_is_there_needs_no_server(mirror, content, tmp_path, caplog):
    with ArchiveServer(mirror) as server:
        pass
    shutil.copy(mirror / PLACE, tmp_path)
    archive = find_archive(PLACE, server.url, tmp_path)
    fetch(archive)
    assert archive.size is None and archive.path.read_bytes() == content
    assert "used as it is" in caplog.text


def test_neither_server_nor_archive(mirror, tmp_path):
    with ArchiveServer(mirror) as server:
        with pytest.raises(UserError, match="12/nothing.tar.gz cannot be had: .*404.*--base_url"):
            find_archive("12/nothing.tar.gz", server.url, tmp_path)
    with pytest.raises(UserError, match="refused.*put the archive at .*dev-clean.tar.gz"):
        find_archive(PLACE, server.url, tmp_path)


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_folder_of_archives(form, mirror, tmp_path):
    archive = find_archive(PLACE, form.format(mirror), tmp_path)
    fetch(archive)
    assert archive.path == mirror / PLACE and not list(tmp_path.iterdir())
    flat = find_archive(PLACE, form.format(mirror / "12"), tmp_path)
    assert flat.path == mirror / "12" / "dev-clean.tar.gz"
    with pytest.raises(UserError, match="holds neither 12/nothing.tgz nor nothing.tgz"):
        find_archive("12/nothing.tgz", form.format(mirror), tmp_path)


def test_room(mirror, content, tmp_path):
    (tmp_path / "dev-clean.tar.gz").write_bytes(content[:1000])
    with ArchiveServer(mirror) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
    assert archive.room(unpacked=2) == 3 * len(content) - 1000


def test_disk_that_fills_up_while_downloading(mirror, content, small_disk):
    disk = small_disk("128k")
    (disk / "other").write_bytes(bytes(80_000))
    with ArchiveServer(mirror) as server:
        archive = find_archive(PLACE, server.url, disk)
        with pytest.raises(UserError, match=f"no space left on the disk of {disk}"):
            fetch(archive)
        there = archive.present
        assert 0 < there < len(content)
        (disk / "other").unlink()
        fetch(archive)
    assert digest(archive.path.read_bytes()) == digest(content)
    assert ranges(server) == ["bytes=0-", f"bytes={there}-"]


def test_another_size_than_published_is_not_downloaded(own_mirror, tmp_path):
    path = own_mirror / PLACE
    path.write_bytes(path.read_bytes() + b"x")
    with ArchiveServer(own_mirror) as server:
        with pytest.raises(UserError, match="was published with [0-9]+: .*--checksums false"):
            find_archive(PLACE, server.url, tmp_path)
        assert not list(tmp_path.glob("dev-clean*")) and not ranges(server)
        fetch(find_archive(PLACE, server.url, tmp_path, checksums=False))
    assert (tmp_path / "dev-clean.tar.gz").read_bytes() == path.read_bytes()


def test_another_archive_of_the_same_size_is_refused(own_mirror, tmp_path):
    path = own_mirror / PLACE
    changed = bytearray(path.read_bytes())
    changed[5000] ^= 1
    path.write_bytes(changed)
    with ArchiveServer(own_mirror) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
        with pytest.raises(UserError, match="not the archive that was published: its SHA256 is "):
            fetch(archive)
        # Nor the next time, when it is there.
        with pytest.raises(UserError, match="not the archive that was published"):
            fetch(find_archive(PLACE, server.url, tmp_path))
    with pytest.raises(UserError, match="not the archive that was published"):
        fetch(find_archive(PLACE, server.url, tmp_path))  # and no server to ask
    fetch(find_archive(PLACE, server.url, tmp_path, checksums=False))
    fetch(find_archive(PLACE, str(own_mirror), tmp_path))


@pytest.mark.parametrize("base_url, said", [
    ("https://me:secret@mirror/resources", r"https://\*\*\*@mirror/resources: .*password in it"),
    ("ftp://mirror/resources", "by https and http, or from a folder"),
    ("data://x", "by https and http, or from a folder"),
])  # fmt: skip
def test_addresses_that_are_refused(base_url, said, tmp_path):
    with pytest.raises(UserError, match=said) as refused:
        find_archive(PLACE, base_url, tmp_path)
    assert "secret" not in str(refused.value)
