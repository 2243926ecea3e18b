"""Zip files of strangers: what unpacking one may write, checked before anything is written."""

import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from humanfriendly import format_size

from espnet_recursive.errors import UserError
from espnet_recursive.files.disk_space import check_room

#: Files and folders of a pack; ESPnet packs about ten.
MAX_MEMBERS = 10_000
#: Times that the contents may be larger than the file: weights shrink by a tenth, text to a fifth.
MAX_RATIO = 50
#: Contents of so many bytes may shrink as they like.
ANY_RATIO_BYTES = 100_000_000
#: Folders in one another.
MAX_DEPTH = 50
#: What Python's zipfile can take out again.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def check_zip(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    """Refuse a zip file whose contents are too much, or lie elsewhere than below one folder.

    Args:
        archive: The zip file, open.
        path: Where it is.
        folder: Where its contents are to go.

    Raises:
        UserError: With the reason, if a name leads out of the folder, is too deep in it or stands
            there twice, a member is a link, encrypted, or compressed in an unknown way, or there
            are too many files, too many bytes for the size of the zip file, or more than the disk
            has room for.
    """
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise UserError(f"{path} holds {len(members):,} files, more than {MAX_MEMBERS:,}: no model")
    for member in members:
        if problem := _problem(member):
            raise UserError(
                f"{path}: its member {member.filename[:200]!r} {problem}: it is not unpacked"
            )
    if twice := _twice(PurePosixPath(member.filename) for member in members):
        raise UserError(f"{path} holds {str(twice)!r} twice: it is not unpacked")
    size = sum(member.file_size for member in members)
    if size > max(ANY_RATIO_BYTES, MAX_RATIO * path.stat().st_size):
        raise UserError(
            f"{path} has {format_size(path.stat().st_size)} and would take {format_size(size)} "
            f"unpacked, more than {MAX_RATIO} times as much: no model is like that"
        )
    check_room(folder, size, f"What {path.name} holds")


def _problem(member: zipfile.ZipInfo) -> str | None:
    # zipfile itself would leave out what leads outside, and write a link as a file: neither is
    # what the name says. A backslash separates folders on other systems.
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts:
        return "leads out of its folder"
    if len(name.parts) > MAX_DEPTH:
        return f"lies deeper than {MAX_DEPTH} folders"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        return "is a link or a device"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return f"is compressed by the method {member.compress_type}, which Python cannot undo"
    return None


def _twice(names: Iterable[PurePosixPath]) -> PurePosixPath | None:
    seen: set[PurePosixPath] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
