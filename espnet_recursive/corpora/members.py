"""Members of the tar archives of corpora: files and folders below one folder, and nothing else.

They are checked here because tarfile's own filters have let chains of links lead out of the folder
(CVE-2025-4517, in Python before 3.12.11 and 3.13.4). Corpora hold no links, so none is followed.
"""

import tarfile
from pathlib import Path, PurePosixPath

from espnet_recursive.errors import UserError

#: Times that the contents may be larger than the archive; FLAC takes 1.05 times as much, WAV 1.4.
MAX_RATIO = 20
#: Contents of so many bytes may be compressed as they like.
ANY_RATIO_BYTES = 100_000_000
#: Bytes of a header that says more about a member, such as a long name.
MAX_HEADER_BYTES = 1_000_000

_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
#: Bytes that a member takes in an archive beside its content.
_BLOCK = 512


class SmallHeaders(tarfile.TarInfo):
    """A member as tarfile reads it, without headers that would fill the memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        # tarfile reads them as a whole, of whatever size they say they are.
        if self.type in _HEADERS and not 0 <= self.size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]


class MemberCheck:
    """The kinds of members that an archive, and the archives in it, may have.

    Args:
        archive: The archive, for messages and its size.
    """

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        self.most = max(ANY_RATIO_BYTES, MAX_RATIO * archive.stat().st_size)
        self.bytes = 0

    def __call__(self, member: tarfile.TarInfo) -> PurePosixPath:
        """Check a member, before it is read or written.

        Returns:
            Its path, relative.

        Raises:
            UserError: If it is no file or folder, its name leads elsewhere or is no text, or the
                contents so far are too much for the size of the archive.
        """
        path = PurePosixPath(member.name)
        if problem := _problem(member, path):
            raise UserError(
                f"{self.archive}: its member {shown(member.name)} {problem}, and a corpus has "
                "no such. Get the archive from its publisher."
            )
        self.bytes += _BLOCK + member.size
        if self.bytes > self.most:
            raise UserError(
                f"{self.archive} has {self.archive.stat().st_size:,} bytes and would take more "
                f"than {self.most:,} unpacked: no corpus is like that. Get the archive from its "
                "publisher."
            )
        return path


def _problem(member: tarfile.TarInfo, path: PurePosixPath) -> str | None:
    if not member.isreg() and not member.isdir():
        return "is a link or a device, neither file nor folder"
    if path.is_absolute() or ".." in path.parts:
        return "leads outside of its folder"
    # A line break would begin another line in the lists of files.
    if not member.name.isprintable():
        return "has control characters in its name"
    if member.size < 0:
        return "has a negative size"
    return None


def shown(name: str) -> str:
    """The name of a member in a message: quoted, without control characters, and not too long."""
    return repr(name if len(name) <= 100 else f"{name[:100]} ...")
