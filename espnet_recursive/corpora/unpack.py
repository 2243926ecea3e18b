"""Folders that appear whole from .tar.gz archives, read once from start to end."""

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from tqdm import tqdm

from espnet_recursive.corpora.archive import Archive
from espnet_recursive.corpora.members import MemberCheck, SmallHeaders, shown
from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.disk_space import is_full_disk
from espnet_recursive.files.whole_files import whole_dir, whole_file

#: What reading a damaged or made-up archive raises: tarfile lets those of its parsing pass.
_DAMAGE = (
    *(EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError),
    *(ValueError, RecursionError, OverflowError, MemoryError),
)
#: In a folder whose archive was unpacked to the end; lhotse's recipes leave the same mark.
MARK = ".completed"


def is_unpacked(folder: Path) -> bool:
    """Whether the folder was unpacked to the end.

    Raises:
        UserError: If it is there, but by no finished unpacking.
    """
    if folder.exists() and not (folder / MARK).exists():
        raise UserError(
            f"{folder} is there, but not {MARK} in it, the mark of a finished unpacking. If it is "
            f"whole, give --corpus_dir {folder.parent}; if not, remove it."
        )
    return folder.exists()


@contextmanager
def open_archive(archive: Archive) -> Iterator[IO[bytes]]:
    """Open what was compressed by gzip, with a progress bar; at the end, its checksum is compared.

    Raises:
        UserError: If the archive is cut off or damaged, or the block finds its tar archive so.
    """
    with (
        archive.path.open("rb") as raw,
        tqdm.wrapattr(raw, "read", archive.present, desc=f"read {archive.path.name}") as counted,
        gzip.open(counted) as content,
    ):
        try:
            yield cast(IO[bytes], content)
            # The checksum stands at the end, after the padding of a tar archive.
            while content.read(1 << 20):
                pass
        except UserError:
            raise
        except _DAMAGE as error:
            raise UserError(
                f"{archive.path} is cut off or damaged: {reason(error)}. {archive.remedy}"
            ) from error


def unpack_corpus(archive: Archive, inside: str, folder: Path) -> None:
    """Unpack a folder of an archive, and the archives in it; `folder` appears whole and marked.

    Archives inside the archive are unpacked where they would lie and are not kept. Files beside
    `inside`, such as a licence, go beside `folder`, but never over one that is there.

    Args:
        archive: A .tar.gz or .tgz.
        inside: The folder in the archive.
        folder: The folder to write.

    Raises:
        UserError: If the archive is cut off or damaged, holds more than files and folders below its
            own (see :mod:`espnet_recursive.corpora.members`), has no such folder, or the disk is
            full.
    """
    check = MemberCheck(archive.path)
    with whole_dir(folder) as part:
        with open_archive(archive) as content, _open_tar(content) as tar:
            for member in tar:
                path = check(member)
                with _naming(member, archive.path):
                    if path.is_relative_to(inside):
                        _extract(tar, member, path.relative_to(inside), part, check)
                    elif member.isfile() and path.parent == PurePosixPath(inside).parent:
                        _extract_beside(tar, member, folder.parent / path.name)
                _forget(tar)
        if not any(part.iterdir()):
            raise UserError(f"{archive.path} holds no {inside}: it is another archive.")
        (part / MARK).touch()


def _open_tar(content: IO[bytes] | gzip.GzipFile) -> tarfile.TarFile:
    return tarfile.open(fileobj=content, mode="r|", tarinfo=SmallHeaders)


def _extract(
    tar: tarfile.TarFile, member: tarfile.TarInfo, path: PurePosixPath, to: Path, check: MemberCheck
) -> None:
    if member.isfile() and path.name.endswith(".tar.gz"):
        with gzip.open(_content(tar, member)) as content, _open_tar(content) as nested:
            for inner in nested:
                _extract(nested, inner, path.parent / check(inner), to, check)
                _forget(nested)
            while content.read(1 << 20):
                pass
    else:
        tar.extract(member.replace(name=str(path)), to, filter="data")


def _extract_beside(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write a file where other archives of the corpus, too, have put theirs."""
    if not os.path.lexists(path):
        with whole_file(path, "wb") as file:
            shutil.copyfileobj(_content(tar, member), file)


@contextmanager
def _naming(member: tarfile.TarInfo, archive: Path) -> Iterator[None]:
    """Say which member cannot be written: its name is too long, or one of a file and a folder."""
    try:
        yield
    except OSError as error:
        if is_full_disk(error) or isinstance(error, gzip.BadGzipFile):
            raise
        name = shown(error.filename and Path(os.fsdecode(error.filename)).name or member.name)
        raise UserError(
            f"{archive}: its member {name} cannot be written: {error.strerror or error}"
        ) from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return cast(IO[bytes], tar.extractfile(member))


def _forget(tar: tarfile.TarFile) -> None:
    # They would pile up, one for each file of the corpus.
    tar.members.clear()  # type: ignore[attr-defined]
