"""Audio of any kind as samples: by libsndfile, and what that lacks by PyAV or ffmpeg.

Whether a file is cut off is decided by what there is against what its header says. Formats whose
headers have no such number, or an estimate (MP3, OGG, M4A), are read as far as they decode.
"""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.files.audio_header import Sound, find_sound, repaired_wav
from espnet_recursive.files.other_audio import decode_other
from espnet_recursive.files.silent_stderr import silent_stderr

#: libsndfile gives files of unknown length more samples than this.
_ENDLESS = 2**62
_BLOCK = 1024
#: Of speech in MP3 and the like, or more where a header is wrong; for a rough order.
_BYTES_PER_SECOND = 16000


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


@dataclass(frozen=True)
class AudioInfo:
    """An audio file, as far as its header and its end tell.

    Attributes:
        frames: Samples of each channel.
        rate: Sampling rate in Hz.
        channels: Their number.
        format: libsndfile's name, such as FLAC.
    """

    frames: int
    rate: int
    channels: int
    format: str


def decode(source: Path | str | bytes) -> tuple[np.ndarray, int]:
    """Read all samples.

    Args:
        source: An audio file, or what one holds.

    Returns:
        float32 (samples, channels) between -1 and 1, and the sampling rate in Hz.

    Raises:
        AudioError: If it is missing, empty, cut off, or no audio.
    """
    with _open(source) as file:
        sound = _check_sound(file)
        if sound is not None and sound.wav_format and not sound.exact:
            samples, rate = _read(io.BytesIO(repaired_wav(file, sound)))
        elif sound is not None:
            samples, rate = _read(file)
        else:
            samples, rate = _read_other(file, source)
    if not len(samples):
        raise NoSamples()
    return samples, rate


def inspect(path: Path | str) -> AudioInfo | None:
    """Look at an audio file without decoding all of it.

    Returns:
        What there is, where every program that reads by libsndfile, as ESPnet does, reads the
        samples of :func:`decode`; None where that is not known before all is decoded.

    Raises:
        AudioError: If it is missing, empty, cut off, or no audio, as far as that can be seen.
    """
    with _open(path) as file:
        sound = _check_sound(file)
        if sound is not None and sound.present < (sound.block if sound.wav_format else 1):
            raise NoSamples()
        flac = file.read(4) == b"fLaC"
        file.seek(0)
        if not flac and (sound is None or not sound.exact):
            return None
        try:
            with soundfile.SoundFile(file) as audio:
                if audio.frames >= _ENDLESS:
                    return None
                if flac and not audio.frames:  # a program wrote it into a pipe
                    return None
                if flac and not _has_end(audio):
                    file.seek(0)
                    _read_all(file)  # says how far it can be read
                    raise AudioError(f"its last of {audio.frames} samples cannot be read")
                return AudioInfo(audio.frames, audio.samplerate, audio.channels, audio.format)
        except soundfile.LibsndfileError as error:
            if flac:
                raise AudioError(_said(error)) from error
            return None


def about_seconds(path: Path | str) -> float:
    """The duration of an audio file, or where only decoding would tell, an estimate by its size.

    Raises:
        AudioError: As :func:`inspect` does.
    """
    info = inspect(path)
    return info.frames / info.rate if info else os.path.getsize(path) / _BYTES_PER_SECOND


@contextmanager
def _open(source: Path | str | bytes) -> Iterator[BinaryIO]:
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


def _check_sound(file: BinaryIO) -> Sound | None:
    """The sound of a file whose header says how much there is."""
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


def _read(file: BinaryIO) -> tuple[np.ndarray, int]:
    try:
        return _read_all(file)
    except soundfile.LibsndfileError as error:
        file.seek(0)
        return _by_others(file.read(), error)


def _read_other(file: BinaryIO, source: Path | str | bytes) -> tuple[np.ndarray, int]:
    """Read what has no header of samples, or one of which only decoding shows what it is worth."""
    content = source if isinstance(source, bytes) else file.read()
    try:
        with silent_stderr():
            if _is_mp3(content) or _is_flac_of_unknown_length(content):
                samples = _read_as_stream(content)
                if samples is not None:
                    return samples
            return _read_all(io.BytesIO(content))
    except soundfile.LibsndfileError as error:
        return _by_others(content, error)


def _by_others(content: bytes, error: soundfile.LibsndfileError) -> tuple[np.ndarray, int]:
    try:
        with silent_stderr():
            return decode_other(content)
    except UserError as other:
        raise AudioError(f"{_said(error)}; {other}") from error


def _read_all(file: BinaryIO) -> tuple[np.ndarray, int]:
    """Read a file by libsndfile: (samples, channels), and the rate.

    Raises:
        AudioError: If the samples break off before the end.
        soundfile.LibsndfileError: If it is none of libsndfile's.
    """
    failure = None
    with soundfile.SoundFile(file) as audio:
        frames, rate, form = audio.frames, audio.samplerate, audio.format
        try:
            # In one go: between two reads, soundfile moves to where it is, and after each such move
            # MP3 begins with samples that are wrong.
            samples = audio.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            failure = error
    # The header of a FLAC file is exact; those of MP3 and OGG may be estimates.
    if failure is None and (form != "FLAC" or len(samples) >= frames):
        return samples, rate
    file.seek(0)
    decoded = _count(file)
    raise AudioError(
        f"it is cut off or damaged: only about {decoded} of its {frames} samples can be decoded"
        + (f" ({_said(failure)})" if failure else "")
    ) from failure


def _count(file: BinaryIO) -> int:
    """How many samples there are before the first that cannot be decoded, in steps of a block."""
    count = 0
    with soundfile.SoundFile(file) as audio:
        try:
            while block := len(audio.read(_BLOCK, dtype="float32")):
                count += block
        except soundfile.LibsndfileError:
            pass
    return count


def _has_end(audio: soundfile.SoundFile) -> bool:
    """Whether the last sample is there, which a file that was cut off does not have."""
    try:
        audio.seek(audio.frames - 1)
        return len(audio.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _is_mp3(content: bytes) -> bool:
    return content[:3] == b"ID3" or (content[:1] == b"\xff" and content[1:2] >= b"\xe0")


def _is_flac_of_unknown_length(content: bytes) -> bool:
    return content[:4] == b"fLaC" and not int.from_bytes(content[21:26]) & (1 << 36) - 1


def _read_as_stream(content: bytes) -> tuple[np.ndarray, int] | None:
    """Read a FLAC or MP3 file of unknown length; None for one that knows its length.

    Where a file can be searched, libsndfile estimates the length and stops there. In a pipe it goes
    on to the end.
    """
    receiver, sender = os.pipe()

    def send() -> None:
        try:
            with open(sender, "wb") as pipe:
                pipe.write(content)
        except BrokenPipeError:  # no more is wanted
            pass

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        with soundfile.SoundFile(receiver, closefd=False) as audio:
            if audio.frames < _ENDLESS:
                return None
            blocks = []
            while len(block := audio.read(_BLOCK, dtype="float32", always_2d=True)):
                blocks.append(block)
            if not blocks:
                raise NoSamples
            return np.concatenate(blocks), audio.samplerate
    finally:
        os.close(receiver)
        thread.join()


def _said(error: soundfile.LibsndfileError) -> str:
    """libsndfile's reason, without the name of the object that it read from."""
    return str(error.error_string).strip().rstrip(".")
