"""What speech a trained model takes, and audio files read as such."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import humanfriendly
import numpy as np
import soundfile
import soxr

from espnet_recursive.errors import UserError, reason

#: The highest sampling rate of audio files, in Hz.
MAX_RATE = 768_000


def sampling_rate(config: Mapping[str, Any]) -> int:
    """The sampling rate in Hz that a trained model takes, from its configuration.

    Raises:
        UserError: If it is none.
    """
    # 16 kHz is what ESPnet's own frontends take where nothing is said.
    fs = (config.get("frontend_conf") or {}).get("fs", 16000)
    try:
        rate = humanfriendly.parse_size(fs) if isinstance(fs, str) else int(fs)
    except (humanfriendly.InvalidSize, TypeError, ValueError, OverflowError):
        rate = 0
    if not 0 < rate <= MAX_RATE:
        raise UserError(f"the model's frontend_conf.fs is {fs!r}, which is no sampling rate in Hz")
    return rate


def input_features(config: Mapping[str, Any]) -> int | None:
    """How many features a frame has for a model that takes features; None for one of audio."""
    return config.get("input_size")


def read_speech(file: Path | str, rate: int) -> np.ndarray:
    """Read any audio file that soundfile reads; the channels are averaged.

    Args:
        file: The audio.
        rate: The sampling rate to have, in Hz.

    Returns:
        float32 (samples,).

    Raises:
        UserError: If it is missing, empty, or no audio.
    """
    if not Path(file).is_file():
        raise UserError(f"{file}: no such file")
    try:
        samples, own_rate = soundfile.read(file, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(f"{file} cannot be read: {reason(error)}") from error
    if not len(samples):
        raise UserError(f"{file} holds no samples")
    mono = samples.mean(axis=1)
    return mono if own_rate == rate else soxr.resample(mono, own_rate, rate)
