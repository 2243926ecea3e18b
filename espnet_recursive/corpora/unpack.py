"""Folders that appear whole from .tar.gz archives, read once from start to end."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from tqdm import tqdm

from espnet_recursive.corpora.archive import Archive
from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_dir

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
        except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
            raise UserError(
                f"{archive.path} is cut off or damaged: {error}. {archive.remedy}"
            ) from error


def unpack_corpus(archive: Archive, inside: str, folder: Path) -> None:
    """Unpack a folder of an archive, and the archives in it; `folder` appears whole and marked.

    Archives inside the archive are unpacked where they would lie and are not kept. Files beside
    `inside`, such as a licence, go beside `folder`.

    Args:
        archive: A .tar.gz or .tgz.
        inside: The folder in the archive.
        folder: The folder to write.

    Raises:
        UserError: If the archive is cut off or damaged, has no such folder, or the disk is full.
    """
    with whole_dir(folder) as part:
        with open_archive(archive) as content, tarfile.open(fileobj=content, mode="r|") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if path.is_relative_to(inside):
                    _extract(tar, member, path.relative_to(inside), part)
                elif member.isfile() and path.parent == PurePosixPath(inside).parent:
                    _extract(tar, member, PurePosixPath(path.name), folder.parent)
        if not any(part.iterdir()):
            raise UserError(f"{archive.path} holds no {inside}: it is another archive.")
        (part / MARK).touch()


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: PurePosixPath, to: Path) -> None:
    if member.isfile() and path.name.endswith(".tar.gz"):
        with (
            gzip.open(tar.extractfile(member)) as content,  # type: ignore[arg-type]
            tarfile.open(fileobj=content, mode="r|") as nested,
        ):
            for inner in nested:
                _extract(nested, inner, path.parent / inner.name, to)
            while content.read(1 << 20):
                pass
    else:
        tar.extract(member.replace(name=str(path)), to, filter="data")
    # They would pile up, one for each file of the corpus.
    tar.members.clear()  # type: ignore[attr-defined]
