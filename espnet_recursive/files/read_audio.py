"""Audio of any kind as samples, and looking at files without decoding all of them."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from espnet_recursive.files.audio_blocks import (
    ENDLESS,
    AudioError,
    Nameless,
    NoSamples,
    audio_blocks,
    check_sound,
    open_audio,
    said,
)

#: Of speech in MP3 and the like, or more where a header is wrong; for a rough order.
_BYTES_PER_SECOND = 16000


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
    blocks, rates = zip(*audio_blocks(source), strict=True)
    return (blocks[0] if len(blocks) == 1 else np.concatenate(blocks)), rates[0]


def inspect(path: Path | str) -> AudioInfo | None:
    """Look at an audio file without decoding all of it.

    Returns:
        What there is, where every program that reads by libsndfile, as ESPnet does, reads the
        samples of :func:`decode`; None where that is not known before all is decoded.

    Raises:
        AudioError: If it is missing, empty, cut off, or no audio, as far as that can be seen.
    """
    with open_audio(path) as file:
        sound = check_sound(file)
        if sound is not None and sound.present < (sound.block if sound.wav_format else 1):
            raise NoSamples()
        flac = file.read(4) == b"fLaC"
        file.seek(0)
        if not flac and (sound is None or not sound.exact):
            return None
        try:
            with soundfile.SoundFile(Nameless(file)) as audio:
                if audio.frames >= ENDLESS:
                    return None
                if flac and not audio.frames:  # a program wrote it into a pipe
                    return None
                if flac and not _has_end(audio):
                    decode(path)  # says how far it can be read
                    raise AudioError(f"its last of {audio.frames} samples cannot be read")
                return AudioInfo(audio.frames, audio.samplerate, audio.channels, audio.format)
        except soundfile.LibsndfileError as error:
            if flac:
                raise AudioError(said(error)) from error
            return None


def about_seconds(path: Path | str) -> float:
    """The duration of an audio file, or where only decoding would tell, an estimate by its size.

    Raises:
        AudioError: As :func:`inspect` does.
    """
    info = inspect(path)
    return info.frames / info.rate if info else os.path.getsize(path) / _BYTES_PER_SECOND


def _has_end(audio: soundfile.SoundFile) -> bool:
    """Whether the last sample is there, which a file that was cut off does not have."""
    try:
        audio.seek(audio.frames - 1)
        return len(audio.read(1)) == 1
    except soundfile.LibsndfileError:
        return False
