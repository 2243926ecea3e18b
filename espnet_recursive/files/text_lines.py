"""Text files as all stages read them: one rule for lines, spaces and the marks of editors.

* A file is in UTF-8, and a line ends with a line feed; a carriage return before it is dropped.
* A byte order mark (U+FEFF) is dropped, wherever it is.
* Words are what stands between spaces. Every character that Unicode calls a space is one: tab,
  no-break space (U+00A0), ideographic space (U+3000), and the separators U+0085, U+2028 and U+2029,
  which do not end a line. In transcripts several of them are one space, and those at both ends are
  dropped.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from espnet_recursive.errors import UserError

_MARK = "\ufeff"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_GZIP = b"\x1f\x8b"


def read_lines(path: Path | str) -> Iterator[str]:
    """Return the lines of a text file, one by one, without their ends.

    Raises:
        UserError: If the file is missing, no file, or not in UTF-8.
    """
    path = Path(path)
    # At once and not at the first line: some readers swallow what an iterator raises.
    if not path.is_file():
        if path.exists():  # a pipe would be waited for
            kind = "a folder" if path.is_dir() else "a pipe or a device"
            raise UserError(f"{path} is {kind}, and no file. Check the path.")
        raise UserError(f"{path} does not exist. Run the stage that writes it, or check the path.")
    return _lines(path)


def plain_text(text: str) -> str:
    """A transcript with one space between words, and none around them.

    >>> plain_text("你好\\u3000世界 \\u00a0A\\tB\\r")
    '你好 世界 A B'
    """
    return " ".join(text.replace(_MARK, "").split())


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            begin = file.read(4096)
            if begin[:2] in _UTF_16:
                raise _other_encoding(path, "but in UTF-16", "UTF-16")
            if begin[:2] == _GZIP:
                raise UserError(f"{path} is compressed. Unpack it: gunzip < {path} > text")
            if b"\r" in begin.rstrip() and not _has_line_feed(begin, file):
                raise UserError(
                    f"{path} ends its lines with carriage returns alone, as old Macs did. Convert "
                    f"it: tr '\\r' '\\n' < {path} > text"
                )
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if "\0" in line:
                    raise _other_encoding(
                        path,
                        f"(line {number} holds a zero byte, as text in UTF-16 does)",
                        "UTF-16LE",
                    )
                yield line.removesuffix("\n").removesuffix("\r").replace(_MARK, "")
    except UnicodeDecodeError as error:
        encoding = "UTF-16LE" if b"\0" in begin else "GB18030"
        raise _other_encoding(path, f"({error.reason})", encoding) from error


def _has_line_feed(begin: bytes, file: BinaryIO) -> bool:
    return b"\n" in begin or any(b"\n" in block for block in iter(lambda: file.read(1 << 20), b""))


def _other_encoding(path: Path, found: str, encoding: str) -> UserError:
    return UserError(
        f"{path} is not in UTF-8 {found}. Convert it, for instance with "
        f"iconv -f {encoding} -t UTF-8 {path}"
    )
