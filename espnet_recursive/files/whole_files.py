"""Files and directories that appear whole or not at all."""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from espnet_recursive.errors import UserError
from espnet_recursive.files.disk_space import naming_full_disk


@contextmanager
def whole_file(path: Path | str, mode: str = "w") -> Iterator[IO]:
    """Open a file beside `path` for writing, and rename it to `path` when the block succeeds.

    Args:
        path: The file to write; parent directories are made.
        mode: "w" for text in UTF-8, "wb" for bytes.

    Raises:
        UserError: If the disk is full.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        with naming_full_disk(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open(mode, encoding=None if "b" in mode else "utf-8") as file:
                yield file
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_if_changed(path: Path | str, text: str) -> None:
    """Write a text file, whole or not at all; one that holds this text already is not touched.

    So what was made from the file does not look out of date.
    """
    path = Path(path)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with whole_file(path) as file:
            file.write(text)


@contextmanager
def whole_dir(path: Path | str, own: Collection[str] | None = None) -> Iterator[Path]:
    """Give a new directory beside `path`, and rename it to `path` when the block succeeds.

    What was at `path` before is replaced, and stays where the block fails or the process is killed:
    killed between two renames, it lies beside, and the next call for `path` puts it back.

    Args:
        path: The directory to write; parent directories are made.
        own: Names that a directory to be replaced may hold, those that its writer gives; None where
            the caller knows that it is its own.

    Raises:
        UserError: If there is a file at `path`, or a directory that holds something else, or the
            disk is full.
    """
    path = Path(path)
    part, old = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.old")
    _put_back(old, path)
    _check_own(path, own)
    shutil.rmtree(part, ignore_errors=True)
    try:
        with naming_full_disk(path.parent):
            part.mkdir(parents=True)
            yield part
            _check_own(path, own)
            if path.exists():
                # A directory cannot be replaced in one go; two renames leave the smallest gap.
                os.replace(path, old)
            os.replace(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _put_back(old, path)


def _put_back(old: Path, path: Path) -> None:
    """Let `old` take the place of `path` where nothing is there, or else remove it."""
    if old.exists() and not path.exists():
        os.replace(old, path)
    shutil.rmtree(old, ignore_errors=True)


def _check_own(path: Path, own: Collection[str] | None) -> None:
    """Refuse to replace a file, or a directory with what its writer does not write."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file, where a folder is to be made: name another folder.")
    if own is not None and path.exists():
        foreign = sorted(child.name for child in path.iterdir() if child.name not in own)
        if foreign:
            raise UserError(
                f"{path} would be replaced, and holds {foreign[0]}, which was not made here: name "
                "another folder, or move that away."
            )
