"""Checkpoints as files: their checksums, a note that travels in them, and what tells two apart.

``torch.save`` writes a zip file with a checksum of every part, which ``torch.load`` does not look
at. It reads the parts that it knows by name, so a further part stays with the weights wherever the
file is copied, linked, packed or loaded, by plain PyTorch and ESPnet too.
"""

import hashlib
import logging
import struct
import time
import zipfile
import zlib
from pathlib import Path

from espnet_recursive.errors import UserError, reason

_LOG = logging.getLogger(__name__)

#: Where TorchScript keeps files that were given to it beside the weights.
_NOTE = "extra/espnet_recursive.json"
_MAGIC = b"PK\x03\x04"
#: What reading a damaged zip file raises: places before its begin and flags of other kinds, too.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_ANOTHER = "copy or download it again, or take another epoch"
#: Checks that take longer than so many seconds are told.
_LONG = 1.0
#: Files that were found whole in this process, as they were then.
_WHOLE: set[tuple[str, int, int]] = set()


def check_checksums(path: Path | str, remedy: str = _ANOTHER) -> None:
    """Refuse a checkpoint, or another zip file, in which a bit is not what was written.

    Files of PyTorch's format before 1.6, and those written without checksums, have none to check.

    Args:
        path: The file.
        remedy: What to do about a damaged one, for the message.

    Raises:
        UserError: If the file is missing or damaged, with the part that is.
    """
    if not is_zip(path):
        return
    path, status = Path(path), Path(path).stat()
    state = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    if state in _WHOLE:
        return
    start = time.perf_counter()
    try:
        with zipfile.ZipFile(path) as archive:
            summed = any(member.CRC for member in archive.infolist())
            damaged = archive.testzip() if summed else None
    except _DAMAGE as error:
        raise UserError(_damaged(path, reason(error), remedy)) from error
    if damaged is not None:
        raise UserError(_damaged(path, f"the checksum of its part {damaged} is wrong", remedy))
    if (seconds := time.perf_counter() - start) > _LONG:
        size = status.st_size / 1e6
        _LOG.info("checksums of %s: %.0f MB are whole, checked in %.1f s", path, size, seconds)
    _WHOLE.add(state)


def is_zip(path: Path | str) -> bool:
    """Whether PyTorch takes a file for one of its format since 1.6.

    Raises:
        UserError: If it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def add_note(path: Path | str, text: str) -> None:
    """Add a text to a checkpoint that was just written; one without parts is left as it is."""
    if is_zip(path):
        with zipfile.ZipFile(path, "a") as archive:
            root = archive.namelist()[0].split("/")[0]
            # A time of its own would make two files of the same weights differ.
            archive.writestr(zipfile.ZipInfo(f"{root}/{_NOTE}"), text)


def read_note(path: Path | str) -> str | None:
    """The text that was added to a checkpoint, None where there is none.

    Raises:
        UserError: If the file is missing or damaged.
    """
    if not is_zip(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(f"/{_NOTE}")]
            return archive.read(names[0]).decode() if names else None
    except _DAMAGE as error:
        raise UserError(_damaged(path, reason(error))) from error


def content_of(path: Path | str) -> str:
    """A hash of the content of a file; of a checkpoint, of its weights whatever its name is."""
    digest = hashlib.sha256()
    if is_zip(path):
        try:
            with zipfile.ZipFile(path) as archive:
                parts = {m.filename.partition("/")[2]: m.CRC for m in archive.infolist()}
        except _DAMAGE as error:
            raise UserError(_damaged(path, reason(error))) from error
        parts = {name: crc for name, crc in parts.items() if name.startswith("data")}
        if any(parts.values()):  # the checksums are enough, and read at once
            return hashlib.sha256(repr(sorted(parts.items())).encode()).hexdigest()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _damaged(path: Path | str, why: str, remedy: str = _ANOTHER) -> str:
    return (
        f"{path} is damaged: {why}. The disk or a copy changed it after it was written: {remedy}."
    )
