"""Disks that are too small or fill up: said in words, with what to do."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from humanfriendly import format_size

from espnet_recursive.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def check_room(directory: Path | str, needed: int, purpose: str) -> None:
    """Refuse to start what the disk has no room for.

    Args:
        directory: Where it is to be written; it need not exist yet.
        needed: Bytes.
        purpose: What needs them, for the message.

    Raises:
        UserError: Saying how much is needed, how much is free and how much to free.
    """
    directory = Path(directory).absolute()
    free = shutil.disk_usage(_existing(directory)).free
    if needed > free:
        raise UserError(
            f"{purpose} takes {format_size(needed)}, {format_size(free)} are left on the disk of "
            f"{directory}. Free {format_size(needed - free)}, or give a folder on another disk."
        )


@contextmanager
def naming_full_disk(directory: Path | str) -> Iterator[None]:
    """Say which disk it is when the block fills it up.

    Raises:
        UserError: Instead of the OSError of a full disk or an exhausted quota.
    """
    try:
        yield
    except OSError as error:
        if not is_full_disk(error):
            raise
        raise UserError(full_disk_message(directory)) from error


def is_full_disk(error: OSError) -> bool:
    """Whether it says that no space is left, on the disk or within the quota."""
    return error.errno in _FULL


def full_disk_message(directory: Path | str | None = None) -> str:
    """Advice for when no space is left on the disk of `directory`, if that is known."""
    where = f" on the disk of {Path(directory).absolute()}" if directory else " on the disk"
    return f"no space left{where}. Free some and run again; nothing that was finished is lost."


def _existing(directory: Path) -> Path:
    return next(path for path in (directory, *directory.parents) if path.exists())
