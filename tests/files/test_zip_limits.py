"""Zip files: members that lead elsewhere, and contents that are too much."""

import stat
import zipfile

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files import zip_limits as module
from espnet_recursive.files.zip_limits import check_zip


@pytest.fixture
def check(tmp_path):
    """Write a zip file and check it."""

    def run(*members, method=zipfile.ZIP_STORED):
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in members:
                archive.writestr(name, content)
        with zipfile.ZipFile(path) as archive:
            check_zip(archive, path, tmp_path / "out")

    return run


def test_files_and_folders(check):
    check(("a/", ""), ("a/b.txt", "b"), ("..a", ""), ("a/..b", ""), ("a..b/c", ""))


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "..\\a", "a\\..\\..\\b", "a/.."])
def test_names_that_lead_out(check, name):
    with pytest.raises(UserError, match="x.zip: its member .* leads out of its folder"):
        check((name, ""))


def test_folders_in_one_another(check):
    check(("a/" * 49 + "b", ""))
    with pytest.raises(UserError, match="its member 'a/a/.* lies deeper than 50 folders"):
        check(("a/" * 50 + "b", ""))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFSOCK])
def test_what_is_neither_file_nor_folder(check, kind):
    info = zipfile.ZipInfo("a")
    info.external_attr = (kind | 0o644) << 16
    with pytest.raises(UserError, match="'a' is a link or a device"):
        check((info, "/etc"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(check):
    with pytest.raises(UserError, match="holds 'a/b' twice"):
        check(("a/b", ""), ("a/./b", ""))


def test_too_many_files(check, monkeypatch):
    monkeypatch.setattr(module, "MAX_MEMBERS", 3)
    check(("a", ""), ("b", ""), ("c", ""))
    with pytest.raises(UserError, match="holds 4 files, more than 3"):
        check(("a", ""), ("b", ""), ("c", ""), ("d", ""))


def test_too_many_bytes(check, monkeypatch):
    zeros = ("a", bytes(1_000_000))
    check(zeros, method=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(module, "ANY_RATIO_BYTES", 100_000)
    check(zeros)  # as large in the file
    with pytest.raises(
        UserError, match=r"has 1\.\d+ KB and would take 1 MB unpacked, more than 50"
    ):
        check(zeros, method=zipfile.ZIP_DEFLATED)


def test_more_than_the_disk_has(check, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(UserError, match="What x.zip holds takes 1 KB, 10 bytes are left"):
        check(("a", bytes(1000)))
