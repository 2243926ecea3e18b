"""Redirects of real servers: followed, and refused."""

import urllib.request
from urllib.request import Request

import pytest

from espnet_recursive.corpora.archive import fetch, find_archive
from espnet_recursive.corpora.redirects import _CheckedRedirects, checked_redirects
from espnet_recursive.errors import UserError
from tests.corpora.archive_server import ArchiveServer

PLACE = "12/dev-clean.tar.gz"


def test_to_another_server(mirror, tmp_path):
    with ArchiveServer(mirror) as other:
        with ArchiveServer(tmp_path, redirects={PLACE: f"{other.url}/{PLACE}"}) as server:
            archive = find_archive(PLACE, server.url, tmp_path)
            fetch(archive)
    assert archive.path.read_bytes() == (mirror / PLACE).read_bytes()


@pytest.mark.parametrize("to, said", [
    ("ftp://127.0.0.1/dev-clean.tar.gz", "sends on to ftp://127.0.0.1/.*, which is not by http"),
    ("file:///etc/passwd", "cannot be had: .*is not allowed"),
    ("data:text/plain,x", "cannot be had: .*is not allowed"),
])  # fmt: skip
def test_to_another_scheme(to, said, mirror, tmp_path):
    with ArchiveServer(mirror, redirects={PLACE: to}) as server:
        with pytest.raises(UserError, match=said):
            find_archive(PLACE, server.url, tmp_path)
    assert not list(tmp_path.iterdir())


def test_to_another_scheme_in_the_middle(mirror, tmp_path):
    with ArchiveServer(mirror) as server:
        archive = find_archive(PLACE, server.url, tmp_path)
        server.redirects = {PLACE: "ftp://127.0.0.1/dev-clean.tar.gz"}
        with pytest.raises(UserError, match="sends on to ftp://127.0.0.1/"):
            fetch(archive)
    assert archive.present == 0


@pytest.mark.parametrize("begin, end, followed", [
    ("https", "http", False), ("https", "https", True), ("http", "https", True),
    ("http", "http", True), ("https", "ftp", False), ("http", "ftp", False),
])  # fmt: skip
def test_schemes(begin, end, followed):
    def redirect():
        request = Request(f"{begin}://mirror/a")
        return _CheckedRedirects().redirect_request(
            request, None, 302, "Found", {}, f"{end}://me:secret@other/b"
        )

    if followed:
        assert redirect().type == end
    else:
        with pytest.raises(UserError, match=rf"{end}://\*\*\*@other/b, which is not by {begin}"):
            redirect()


def test_the_opener_of_the_process_is_put_back():
    mine = urllib.request.build_opener()
    urllib.request.install_opener(mine)
    try:
        with pytest.raises(ZeroDivisionError), checked_redirects():
            raise ZeroDivisionError
        assert urllib.request._opener is mine
    finally:
        urllib.request.install_opener(None)
