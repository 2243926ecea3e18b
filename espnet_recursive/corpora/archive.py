"""Archives of corpora: found on this machine, or downloaded with breaks made good.

lhotse downloads, with its progress bar. It takes a broken connection for the end of the file and
adds a whole file to the part of one where a server ignores ranges; so sizes are compared here.
"""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, url2pathname, urlopen

from espnet_recursive.corpora.published import PUBLISHED, Published, check_checksum, check_size
from espnet_recursive.corpora.redirects import checked_redirects
from espnet_recursive.errors import UserError
from espnet_recursive.files.access_tokens import without_tokens
from espnet_recursive.files.disk_space import naming_full_disk

#: Where the corpora are published; mirrors have the same folders below.
OPENSLR = "https://www.openslr.org/resources"
#: Seconds without an answer after which a connection counts as broken.
TIMEOUT = 60.0
#: A download fails after this number of successive connections without any data.
TRIES = 4
#: Seconds between two of them.
PAUSE = 5.0

_BROKEN = (URLError, HTTPException, ConnectionError, TimeoutError, SSLError)


@dataclass(frozen=True)
class Archive:
    """An archive that is on this machine or can be downloaded.

    Attributes:
        source: Its URL, or its path where it is used in place.
        path: Where it is or goes.
        size: Its size in bytes at its source; None where the server cannot be asked.
        resumable: Whether the server sends parts of files.
        published: What the publisher says of it, if it is to be compared with that.
    """

    source: str
    path: Path
    size: int | None
    resumable: bool = True
    published: Published | None = None

    @property
    def present(self) -> int:
        """Number of bytes of the archive that are on this machine."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def whole(self) -> int:
        """Size of the whole archive in bytes, where it is known."""
        return self.present if self.size is None else self.size

    def room(self, unpacked: float) -> int:
        """Bytes needed for its rest and its contents, of `unpacked` times the archive's size."""
        return max(self.whole - self.present, 0) + int(unpacked * self.whole)

    @property
    def remedy(self) -> str:
        """Advice for an archive that was downloaded and is damaged."""
        if self.size is None:
            return (
                f"{self.source} could not be asked for the rest: run again when it can be reached, "
                f"or put the whole archive at {self.path}."
            )
        if self.source == str(self.path):
            return "Replace it by the whole archive."
        return f"It is as long as at {self.source}: remove it and run again."


def find_archive(
    place: str, base_url: str, download_dir: Path | str, checksums: bool = True
) -> Archive:
    """Find out where an archive is, and how large.

    Args:
        place: Its path below `base_url`, such as 12/dev-clean.tar.gz.
        base_url: A mirror of openslr.org/resources; or a folder of archives, as a path or a file://
            URL, in which it may also lie without the folders of `place`.
        download_dir: Where it goes, if it is to be downloaded.
        checksums: Whether an archive of a mirror must be the published one, where its size or
            checksum is known. One in a folder is used as it is.

    Raises:
        UserError: If it is neither on this machine nor to be had, has another size than the
            published one, or `base_url` holds a password or is of another kind.
    """
    if "://" not in base_url or base_url.startswith("file://"):
        return _find_in_folder(place, base_url)
    _check_address(base_url)
    url, path = f"{base_url.rstrip('/')}/{place}", Path(download_dir) / Path(place).name
    published = PUBLISHED.get(place) if checksums else None
    try:
        size, resumable = _ask(url)
    except UserError:
        raise
    except (*_BROKEN, ValueError) as error:
        if path.exists():
            logging.warning("%s cannot be asked (%s): %s is used as it is", url, error, path)
            return Archive(url, path, None, published=published)
        raise UserError(
            f"{url} cannot be had: {error}. Check the connection, give another mirror with "
            f"--base_url, or put the archive at {path} yourself."
        ) from error
    if published is not None:
        check_size(published, size, url)
    return Archive(url, path, size, resumable, published)


def fetch(archive: Archive) -> None:
    """Download what is missing of an archive, over as many connections as it takes.

    Then it is compared with what was published.

    Raises:
        UserError: If connections bring nothing more, the server cannot go on where one broke off
            or sends more than it announced, what is here is more than the server has, or it is not
            the published archive.
    """
    _complete(archive)
    # What is cut off here, and whose server cannot be asked for the rest, is said in unpacking.
    published = archive.published
    if published is not None and published.size in (None, archive.present):
        check_checksum(published, archive.path, archive.source)


def _complete(archive: Archive) -> None:
    idle, reason = 0, "the server ended the transfer early"
    while archive.size is not None and archive.present != archive.size:
        before = archive.present
        _check_resumable(archive)
        try:
            _download(archive)
        except _BROKEN as error:
            reason = str(error) or type(error).__name__
        idle = idle + 1 if archive.present <= before else 0
        if idle == TRIES:
            raise UserError(
                f"{archive.source}: {archive.present} of {archive.size} bytes are in "
                f"{archive.path}, and no more come ({reason}). Run again later to go on there, or "
                "give another mirror with --base_url."
            )
        if idle:
            time.sleep(PAUSE)


def _check_address(base_url: str) -> None:
    address = urlsplit(base_url)
    if address.scheme not in ("http", "https"):
        raise UserError(
            f"--base_url {without_tokens(base_url)}: archives come by https and http, or from a "
            "folder."
        )
    if "@" in address.netloc:
        # It would stand in logs and messages.
        raise UserError(
            f"--base_url {without_tokens(base_url)}: an address with a password in it. Download "
            "the archives yourself, and give their folder as --base_url."
        )


def _find_in_folder(place: str, base_url: str) -> Archive:
    folder = Path(url2pathname(urlsplit(base_url).path) if "://" in base_url else base_url)
    for path in (folder / place, folder / Path(place).name):
        if path.is_file():
            return Archive(str(path), path, path.stat().st_size)
    raise UserError(
        f"{folder} holds neither {place} nor {Path(place).name}. "
        "Put the archive there, or give a URL with --base_url."
    )


def _ask(url: str) -> tuple[int, bool]:
    """The size of a file in bytes, and whether the server sends parts of it."""
    # Not HEAD, which some mirrors refuse; lhotse, too, gives itself out for a browser.
    request = Request(url, headers={"Range": "bytes=0-0", "User-Agent": "Mozilla/5.0"})
    with checked_redirects(), urlopen(request, timeout=TIMEOUT) as response:
        if response.status == 206:
            return int(response.headers.get("Content-Range", "").rpartition("/")[2]), True
        return int(response.headers.get("Content-Length", "")), False


def _check_resumable(archive: Archive) -> None:
    if archive.present > (archive.size or 0):
        raise UserError(
            f"{archive.path} has {archive.present} bytes, {archive.source} only {archive.size}: "
            "they are not the same file. Remove it, give the mirror it is from with --base_url, or "
            f"--base_url {archive.path.parent} to use it as it is."
        )
    if archive.present and not archive.resumable:
        raise UserError(
            f"{archive.path} is a part of {archive.source}, whose server only sends whole files. "
            "Give another mirror with --base_url to go on, or remove the part to start again."
        )


def _download(archive: Archive) -> None:
    from lhotse.utils import resumable_download  # it imports torch, in seconds

    archive.path.parent.mkdir(parents=True, exist_ok=True)
    missing = None if archive.size is None else archive.size - archive.present
    with _time_limit(), checked_redirects(missing), naming_full_disk(archive.path.parent):
        resumable_download(archive.source, archive.path)


@contextmanager
def _time_limit() -> Iterator[None]:
    """lhotse sets no limit of its own, and would wait for a silent server for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
