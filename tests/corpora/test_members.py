"""Hostile archives: each is refused in a sentence, and nothing is written outside of the folder."""

import gzip
import io
import os
import random
import re
import signal
import tarfile
import time

import pytest

from espnet_recursive.corpora import members
from espnet_recursive.corpora.archive import find_archive
from espnet_recursive.corpora.unpack import unpack_corpus
from espnet_recursive.errors import UserError
from tests.corpora.miniature import tar_gz

#: Seconds after which unpacking counts as hanging.
LIMIT = 20


def entry(name, content=b"", **attributes):
    """A member of any type."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in attributes.items():
        setattr(member, key, value)
    return member, content


def tar(*entries, **options):
    """A .tar.gz of members of any type."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", **options) as archive,
    ):
        for member, content in entries:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def link(name, to, kind=tarfile.SYMTYPE):
    return entry(name, type=kind, linkname=to)


def chain(top):
    """Links whose resolved names become too long to resolve: what CVE-2025-4517 is about."""
    entries, place, long = [], top, "d" * 247
    for letter in "abcdefghijklmnop":
        entries += [entry(f"{place}/{long}", type=tarfile.DIRTYPE)]
        entries += [link(f"{place}/{letter}", long)]
        place += f"/{long}"
    steps = "/".join("abcdefghijklmnop")
    entries += [link(f"{top}/{steps}/{'l' * 254}", "../" * 16)]
    entries += [link(f"{top}/escape", f"{steps}/{'l' * 254}/../../../../../evil")]
    return [*entries, entry(f"{top}/escape/file", b"evil")]


LINK = "is a link or a device"
OUTSIDE = "leads outside of its folder"
#: Kind -> (members below a folder, what is said)
KINDS = {
    "symbolic link": (lambda top: [link(f"{top}/x", "/etc/passwd")], LINK),
    "symbolic link to a neighbour": (lambda top: [link(f"{top}/x", "1.wav")], LINK),
    "link, then a file through it": (
        lambda top: [link(f"{top}/x", "../../../.."), entry(f"{top}/x/evil", b"evil")],
        LINK,
    ),
    "chain of links": (chain, LINK),
    "hard link": (lambda top: [link(f"{top}/x", f"{top}/1.wav", tarfile.LNKTYPE)], LINK),
    "hard link outside": (lambda top: [link(f"{top}/x", "/etc/passwd", tarfile.LNKTYPE)], LINK),
    "character device": (lambda top: [entry(f"{top}/x", type=tarfile.CHRTYPE)], LINK),
    "block device": (lambda top: [entry(f"{top}/x", type=tarfile.BLKTYPE)], LINK),
    "pipe": (lambda top: [entry(f"{top}/x", type=tarfile.FIFOTYPE)], LINK),
    "unknown type": (lambda top: [entry(f"{top}/x", type=b"Z")], LINK),
    "absolute": (lambda top: [entry("/nowhere/evil", b"evil")], OUTSIDE),
    "above": (lambda top: [entry(f"{top}/../../../evil", b"evil")], OUTSIDE),
    "above and back": (lambda top: [entry(f"{top}/../{top}/x", b"x")], OUTSIDE),
    "folder above": (lambda top: [entry(f"{top}/../../evil", type=tarfile.DIRTYPE)], OUTSIDE),
    "line break": (lambda top: [entry(f"{top}/a\nb.wav", b"x")], "control characters"),
    "no UTF-8": (lambda top: [entry(f"{top}/\udcff.wav", b"x")], "control characters"),
    "too long a name": (lambda top: [entry(f"{top}/{'x' * 300}.wav", b"x")], "cannot be written"),
    "file, then a folder": (
        lambda top: [entry(f"{top}/x", b"x"), entry(f"{top}/x/y", b"y")],
        "cannot be written",
    ),
    "folder, then a file": (
        lambda top: [entry(f"{top}/x/y", b"y"), entry(f"{top}/x", b"x")],
        "cannot be written",
    ),
    "file twice": (lambda top: [entry(f"{top}/x", b"x"), entry(f"{top}/x", b"y")], None),
    "zeros": (lambda top: [entry(f"{top}/x", bytes(400_000))] * 3, "no corpus is like that"),
}


@pytest.fixture
def unpack(tmp_path):
    """Unpacks an archive of these bytes; what was refused, or None."""

    def hang(*_):
        raise AssertionError("it hangs")

    def run(content):
        (tmp_path / "archives").mkdir(exist_ok=True)
        (tmp_path / "archives" / "C.tgz").write_bytes(content)
        archive = find_archive("C.tgz", str(tmp_path / "archives"), tmp_path)
        signal.signal(signal.SIGALRM, hang)
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
        try:
            unpack_corpus(archive, "C", tmp_path / "a" / "b" / "c" / "C")
        except UserError as error:
            return str(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return None

    return run


def written(tmp_path):
    below = tmp_path / "a" / "b" / "c" / "C"
    found = [path for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()]
    return [p for p in found if p.name != "C.tgz" and not p.is_relative_to(below)]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("where", ["outside", "inside", "nested", "nested twice", "beside"])
def test_each_kind(name, where, unpack, tmp_path, monkeypatch):
    monkeypatch.setattr(members, "ANY_RATIO_BYTES", 1_000_000)
    make, said = KINDS[name]
    good = entry("C/1.wav", b"one")
    top = {"inside": "C", "outside": "D", "beside": "."}.get(where, "S")
    content = tar(*make(top))
    if where == "nested twice":
        content = tar(entry("T/S.tar.gz", content))
    if where.startswith("nested"):
        whole = tar(good, entry("C/wav/S.tar.gz", content))
    else:
        whole = tar(good, *make(top))
    message = unpack(whole)
    # What is not unpacked, nor goes where links, names and sizes matter, may be there.
    if said is None or (said == "cannot be written" and where in ("outside", "beside")):
        assert message is None or re.search("cannot be written", message)
    else:
        assert message is not None and re.search(said, message), message
        assert message.isprintable(), "one sentence"
        assert not (tmp_path / "a" / "b" / "c" / "C").exists()
    names = {path.name for path in written(tmp_path)}
    assert not names or (where == "beside" and names <= {"x", "y"})


def test_files_beside_are_not_overwritten(unpack, tmp_path):
    beside = tmp_path / "a" / "b" / "c"
    beside.mkdir(parents=True)
    (tmp_path / "mine").write_text("mine")
    (beside / "LINK").symlink_to(tmp_path / "mine")
    (beside / "DANGLING").symlink_to(tmp_path / "nowhere")
    (beside / "README").write_text("mine")
    names = ("README", "LINK", "DANGLING", "LICENSE")
    assert unpack(tar_gz({"C/1.wav": b"one"} | {name: b"theirs" for name in names})) is None
    assert (beside / "README").read_text() == (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert (beside / "LICENSE").read_text() == "theirs"


def test_speech_that_compresses_well_is_unpacked(unpack, tmp_path):
    """Silence shrinks a thousandfold; the bound is for what no disk would hold."""
    assert unpack(tar_gz({"C/silence.wav": bytes(30_000_000)})) is None


def test_the_bound_grows_with_the_archive(unpack, tmp_path, monkeypatch):
    monkeypatch.setattr(members, "ANY_RATIO_BYTES", 1000)
    noise = os.urandom(100_000)
    assert unpack(tar(entry("C/1", noise), entry("C/2", bytes(1_500_000)))) is None
    message = unpack(tar(entry("C/1", noise), entry("C/2", bytes(2_500_000))))
    assert re.search("C.tgz has 10.,... bytes and would take more than 2,0..,... unp", message)


def header(size, kind):
    member = tarfile.TarInfo("long")
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
@pytest.mark.parametrize("size", [2_000_000, 1 << 40, -512])
def test_headers_that_fill_the_memory(kind, size, unpack):
    message = unpack(gzip.compress(header(size, kind) + bytes(100_000)))
    assert re.search("C.tgz is cut off or damaged: a header of|holds no C", message), message


def test_headers_of_headers(unpack):
    names = header(5, tarfile.GNUTYPE_LONGNAME) + b"name".ljust(512, b"\0")
    message = unpack(gzip.compress(names * 5000))
    assert re.search("C.tgz is cut off or damaged", message), message


def test_random_bytes_within_headers(unpack):
    """Whatever is wrong in a header, it is read, or refused in a sentence."""
    rng = random.Random(0)
    pax = {"path": "C/\u00e9.wav", "size": "3", "GNU.sparse.map": "0,1", "GNU.sparse.major": "1"}
    member, content = entry("C/1.wav", b"one")
    member.pax_headers = pax
    good = gzip.decompress(tar((member, content), format=tarfile.PAX_FORMAT))
    start = time.monotonic()
    for _ in range(400):
        bad = bytearray(good)
        for _ in range(rng.randrange(1, 8)):
            bad[rng.randrange(0, 2048)] = rng.randrange(256)
        for at in range(0, 2048, 512):  # the checksum that is right for what stands there
            block = bytes(bad[at : at + 148]) + b" " * 8 + bytes(bad[at + 156 : at + 512])
            bad[at + 148 : at + 156] = b"%06o\0 " % sum(block)
        message = unpack(gzip.compress(bytes(bad), 1))
        assert message is None or message.isprintable(), message
    assert time.monotonic() - start < LIMIT
