"""Audio of any kind in blocks, so that memory does not grow with its length.

libsndfile reads, and PyAV or ffmpeg what it lacks. Whether a file is cut off is decided by what
there is against what its header says. Formats whose headers have no such number, or an estimate
(MP3, OGG, M4A), are read as far as they decode.
"""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.files.audio_header import RepairedWav, Sound, find_sound
from espnet_recursive.files.other_audio import other_blocks
from espnet_recursive.files.silent_stderr import silent_stderr

#: libsndfile gives files of unknown length more samples than this.
ENDLESS = 2**62
#: Samples of a channel in a block, and in a step where damage is looked for.
_BLOCK, _STEP = 2**18, 1024
_PIPED = 2**16

#: Samples (n, channels) between -1 and 1, float32, and the sampling rate in Hz.
Block = tuple[np.ndarray, int]


class AudioError(UserError):
    """Audio that cannot be used. The message is the reason alone; callers name the file.

    Attributes:
        remedy: What to do.
    """

    def __init__(self, message: str, remedy: str = "Fetch the file again") -> None:
        super().__init__(message)
        self.remedy = remedy


class NoSamples(AudioError):
    """Audio of no length."""

    def __init__(self) -> None:
        super().__init__("it holds no samples")


class InOneGo(soundfile.SoundFile):
    """A file that is read from its beginning to its end, whatever can be searched.

    Between two reads, soundfile moves to where it is, and after each such move MP3 begins with
    samples that are wrong.
    """

    def seekable(self) -> bool:
        """Say no."""
        return False


class Nameless:
    """A file without its name, of which soundfile would believe more than of what is in it."""

    def __init__(self, file: Any) -> None:
        self.seek, self.tell, self.readinto = file.seek, file.tell, file.readinto


def audio_blocks(source: Path | str | bytes) -> Iterator[Block]:
    """Read audio from its beginning to its end.

    Args:
        source: An audio file, or what one holds.

    Yields:
        Blocks of samples, with the sampling rate.

    Raises:
        AudioError: If it is missing, empty, cut off, or no audio; where that shows at its end only,
            after what comes before.
    """
    empty = True
    with open_audio(source) as file:
        for block, rate in _blocks(file, check_sound(file)):
            if len(block):
                empty = False
                yield block, rate
    if empty:
        raise NoSamples()


@contextmanager
def open_audio(source: Path | str | bytes) -> Iterator[BinaryIO]:
    """Open a file, or what one holds.

    Raises:
        AudioError: If it cannot be opened.
    """
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    try:
        file = open(source, "rb")
    except FileNotFoundError as error:
        where = "" if os.path.isabs(source) else f", and relative paths start in {Path.cwd()}"
        raise AudioError(f"there is no such file{where}", "Correct the path") from error
    except OSError as error:
        raise AudioError(error.strerror or str(error)) from error
    except ValueError as error:  # a zero byte in the name
        raise AudioError(str(error)) from error
    with file:
        yield file


def check_sound(file: BinaryIO) -> Sound | None:
    """The sound of a file whose header says how much there is.

    Raises:
        AudioError: If it is empty, or cut off.
    """
    try:
        if not file.seek(0, 2):
            raise AudioError("it is empty")
        sound = find_sound(file)
        file.seek(0)
    except OSError as error:
        raise AudioError(error.strerror or str(error)) from error
    if sound is not None and sound.missing:
        promised = sound.promised or 1
        raise AudioError(
            f"it is cut off: its header promises {promised} bytes of sound, of which "
            f"{sound.missing} ({100 * sound.missing / promised:.1f} %) are not there"
        )
    return sound


def said(error: soundfile.LibsndfileError) -> str:
    """libsndfile's reason, without the name of the object that it read from."""
    return str(error.error_string).strip().rstrip(".")


def _blocks(file: BinaryIO, sound: Sound | None) -> Iterator[Block]:
    # What the header says nothing of, libmpg123 may have something to say of.
    quiet: Any = nullcontext if sound is not None else silent_stderr
    source: Any = file
    if sound is not None and sound.wav_format and not sound.exact:
        source = RepairedWav(file, sound)
    elif sound is None and (_is_mp3(file) or _is_flac_of_unknown_length(file)):
        with _piped(file, quiet) as piped:
            if piped is not None:
                yield from piped
                return
    file.seek(0)
    try:
        with quiet():
            audio = InOneGo(Nameless(source))
    except soundfile.LibsndfileError as error:
        file.seek(0)
        yield from _by_others(file, error)
        return
    with audio:
        yield from _to_the_end(audio, file, quiet)


def _to_the_end(audio: soundfile.SoundFile, file: BinaryIO, quiet: Any) -> Iterator[Block]:
    frames, read = audio.frames, 0
    failure = None
    try:
        while True:
            with quiet():
                block = audio.read(_BLOCK, dtype="float32", always_2d=True)
            if not len(block):
                break
            read += len(block)
            yield block, audio.samplerate
    except soundfile.LibsndfileError as error:
        failure = error
    # The header of a FLAC file is exact; those of MP3 and OGG may be estimates.
    if failure is None and (audio.format != "FLAC" or read >= frames or frames >= ENDLESS):
        return
    raise AudioError(
        f"it is cut off or damaged: only about {_count(file)} of its {frames} samples can be "
        "decoded" + (f" ({said(failure)})" if failure else "")
    ) from failure


def _count(file: BinaryIO) -> int:
    """How many samples there are before the first that cannot be decoded, in steps."""
    count = 0
    file.seek(0)
    with silent_stderr(), InOneGo(Nameless(file)) as audio:
        try:
            while step := len(audio.read(_STEP, dtype="float32")):
                count += step
        except soundfile.LibsndfileError:
            pass
    return count


@contextmanager
def _piped(file: BinaryIO, quiet: Any) -> Iterator[Iterator[Block] | None]:
    """Read a FLAC or MP3 file of unknown length; None for one that knows its length.

    Where a file can be searched, libsndfile estimates the length and stops there. In a pipe it goes
    on to the end.
    """
    receiver, sender = os.pipe()
    file.seek(0)

    def send() -> None:
        try:
            with open(sender, "wb") as pipe:
                while part := file.read(_PIPED):
                    pipe.write(part)
        except BrokenPipeError:  # no more is wanted
            pass

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        with quiet():
            try:
                audio = InOneGo(receiver, closefd=False)
            except soundfile.LibsndfileError:
                audio = None
        if audio is None or audio.frames < ENDLESS:
            yield None
        else:
            with audio:
                yield _of_pipe(audio, quiet)
    finally:
        os.close(receiver)
        thread.join()


def _of_pipe(audio: soundfile.SoundFile, quiet: Any) -> Iterator[Block]:
    while True:
        with quiet():
            try:
                block = audio.read(_STEP, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError(said(error)) from error
        if not len(block):
            return
        yield block, audio.samplerate


def _by_others(file: BinaryIO, error: soundfile.LibsndfileError) -> Iterator[Block]:
    blocks = other_blocks(file)
    while True:
        try:
            with silent_stderr():
                block = next(blocks, None)
        except UserError as other:
            raise AudioError(f"{said(error)}; {other}") from error
        if block is None:
            return
        yield block


def _is_mp3(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(3)
    return head == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")


def _is_flac_of_unknown_length(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(26)
    return head[:4] == b"fLaC" and not int.from_bytes(head[21:26]) & (1 << 36) - 1
