"""How many bytes of sound the header of an audio file promises, and how many there are.

A header may be wrong without harm. A program that writes into a pipe cannot go back to its header,
and leaves a size that stands for "unknown" there; others count their own header, or forget the byte
that fills up an odd size. Only a file that lacks more than that was cut off.
"""

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

#: Bytes that a header may promise beyond what is there: the size of the usual header of a WAV file,
#: which some programs count as sound. It is a millisecond of 16 kHz, 16 bits.
TOLERANCE = 44
#: From here on a size of 32 bits stands for "unknown": sox writes 0x7ffff000, ffmpeg 0xffffffff.
_UNKNOWN = 0x7FFF0000
_UNKNOWN_CAF = 2**64 - 1
#: WAV files whose chunks have sizes of 64 bits mark them by the first bytes of a GUID.
_W64 = b"riff\x2e\x91\xcf\x11"


@dataclass(frozen=True)
class Sound:
    """The sound in a file.

    Attributes:
        start: Where it begins, in bytes.
        promised: Bytes that the header says; None where it does not know.
        present: Bytes from `start` to where the sound ends, by the size that the header says, or
            else to the end of the file.
        wav_format: The "fmt " chunk of a WAV file; empty for other files.
    """

    start: int
    promised: int | None
    present: int
    wav_format: bytes = b""

    @property
    def missing(self) -> int:
        """How many bytes were cut off; 0 for so few that the header may be wrong."""
        lacking = (self.promised or 0) - self.present
        return lacking if lacking > TOLERANCE else 0

    @property
    def exact(self) -> bool:
        """Whether the header is right to the byte."""
        return self.promised == self.present

    @property
    def block(self) -> int:
        """Bytes of a sample of all channels of a WAV file, or of a block of compressed ones."""
        return max(struct.unpack_from("<H", self.wav_format, 12)[0], 1)


def find_sound(file: BinaryIO) -> Sound | None:
    """Find the sound in a WAV (or RF64, W64), AIFF, AU, CAF or NIST file.

    Args:
        file: The file, at any position.

    Returns:
        None for other files, and for those whose header has no sound.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(1024)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return _in_wav(file, size)
    if head.startswith(_W64):
        return _in_chunks(_chunks(file, size, 40, "<16sQ", inclusive=True, align=8), size)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _in_chunks(_chunks(file, size, 12, ">4sI"), size)
    if head[:4] == b"caff":
        return _in_chunks(_chunks(file, size, 8, ">4sQ", align=1), size)
    if head[:4] in (b".snd", b"dns.") and len(head) >= 12:
        start, length = struct.unpack_from(">II" if head[:4] == b".snd" else "<II", head, 4)
        return Sound(start, None if length >= _UNKNOWN else length, size - start)
    if head.startswith(b"NIST_1A"):
        return _in_nist(head, size)
    return None


class RepairedWav(io.RawIOBase):
    """A WAV file of the sound that is there, with a header that is right, in the place of another.

    Samples that are not there to the last byte are left out. The sound is not copied.

    Args:
        file: The file, which stays open.
        sound: What :func:`find_sound` found in it.
    """

    def __init__(self, file: BinaryIO, sound: Sound) -> None:
        length = sound.present // sound.block * sound.block
        form = sound.wav_format + b"\0" * (len(sound.wav_format) % 2)
        chunks = b"fmt " + struct.pack("<I", len(sound.wav_format)) + form
        filled = length + length % 2
        if length < _UNKNOWN:
            size = 4 + len(chunks) + 8 + filled
            head = b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunks
            head += b"data" + struct.pack("<I", length)
        else:  # sizes of 64 bits
            size = 4 + 36 + len(chunks) + 8 + filled
            sizes = struct.pack("<IQQQI", 28, size, length, length // sound.block, 0)
            head = b"RF64\xff\xff\xff\xffWAVEds64" + sizes + chunks + b"data\xff\xff\xff\xff"
        self._file, self._start = file, sound.start
        self._head, self._end, self._at = head, len(head) + length, 0
        self._size = len(head) + filled

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        part = self._head[self._at : self._at + len(view)]
        left = min(len(view) - len(part), max(0, self._end - self._at - len(part)))
        if left:
            self._file.seek(self._start + self._at + len(part) - len(self._head))
            part += self._file.read(left)
        filled = part.ljust(min(len(view), max(0, self._size - self._at)), b"\0")
        view[: len(filled)] = filled
        self._at += len(filled)
        return len(filled)


def _chunks(
    file: BinaryIO, size: int, at: int, header: str, inclusive: bool = False, align: int = 2
) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk, where its content begins, and the size that its header says.

    Args:
        file: The file.
        size: Its size.
        at: Where the first chunk begins.
        header: Name and size, for `struct`.
        inclusive: Whether that size counts the chunk's own header.
        align: Chunks begin at multiples of this.
    """
    length = struct.calcsize(header)
    while at + length <= size:
        file.seek(at)
        name, said = struct.unpack(header, file.read(length))
        content = at + length
        said -= length if inclusive else 0
        yield name, content, said
        if said < 0:
            return
        at = content + said + -said % align


def _in_chunks(chunks: Iterator[tuple[bytes, int, int]], size: int) -> Sound | None:
    """The sound of W64, AIFF or CAF, which libsndfile reads to the end of the file."""
    for name, start, said in chunks:
        if name[:4] in (b"data", b"SSND"):
            unknown = said == _UNKNOWN_CAF or (name == b"SSND" and (not said or said >= _UNKNOWN))
            present = size - start if unknown else min(said, size - start)
            return Sound(start, None if unknown else said, present)
    return None


def _in_wav(file: BinaryIO, size: int) -> Sound | None:
    form, size_of_64_bits = b"", None
    for name, start, said in _chunks(file, size, 12, "<4sI"):
        if name == b"fmt ":
            file.seek(start)
            form = file.read(said)
        elif name == b"ds64":
            file.seek(start + 8)
            (size_of_64_bits,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
        elif name == b"data" and len(form) >= 16:
            if said == 0xFFFFFFFF and size_of_64_bits:
                said = size_of_64_bits
            return _of_wav(file, size, start, said, form)
    return None


def _of_wav(file: BinaryIO, size: int, start: int, said: int, form: bytes) -> Sound:
    rest = size - start
    file.seek(start)
    empty = rest == 0 or (said == 0 and _is_chunk(file.read(8), rest))
    unknown = said == 0xFFFFFFFF or (_UNKNOWN <= said < 0xFFFFFFFF and said > rest)
    if (said == 0 and not empty) or unknown:
        return Sound(start, None, rest, form)
    # Behind the sound there is nothing, the byte that fills it up, or another chunk.
    behind = rest - said - said % 2
    if 0 < behind < 8:
        return Sound(start, said, rest, form)
    return Sound(start, said, min(said, rest), form)


def _is_chunk(header: bytes, rest: int) -> bool:
    """Whether these bytes begin another chunk, which ends where the file does, or earlier."""
    if len(header) < 8 or not re.fullmatch(rb"[ -~]{4}", header[:4]):
        return False
    return bool(struct.unpack_from("<I", header, 4)[0] <= rest - 8)


def _in_nist(head: bytes, size: int) -> Sound | None:
    fields = {
        match[1]: match[2].strip()
        for match in re.finditer(rb"^(\w+) -(?:i|r|s\d+) (.*)$", head, re.MULTILINE)
    }
    start = re.match(rb"NIST_1A\s+(\d+)\s", head)
    if start is None or b"," in fields.get(b"sample_coding", b""):  # compressed
        return None
    promised = None
    if fields.get(b"sample_count", b"").isdigit():
        coding = fields.get(b"sample_coding", b"pcm")
        default = b"2" if coding == b"pcm" else b"1"
        promised = int(fields[b"sample_count"]) * int(fields.get(b"channel_count", b"1"))
        promised *= int(fields.get(b"sample_n_bytes", default))
    return Sound(int(start[1]), promised, size - int(start[1]))
