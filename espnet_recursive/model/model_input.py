"""The kind of speech that a trained model takes, and reading audio files in that form."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.finite import check_finite
from espnet_recursive.files.hertz import parse_hertz

#: The highest sampling rate of audio files, in Hz.
MAX_RATE = 768_000


def sampling_rate(config: Mapping[str, Any]) -> int:
    """The sampling rate in Hz that a trained model takes, from its configuration.

    Raises:
        UserError: If what the configuration says is none.
    """
    # 16 kHz is what ESPnet's own frontends take where nothing is said.
    fs = (config.get("frontend_conf") or {}).get("fs", 16000)
    rate = parse_hertz(fs, "frontend_conf.fs")
    if rate > MAX_RATE:
        raise UserError(f"frontend_conf.fs {fs}: no audio has more than {MAX_RATE:,} Hz")
    return rate


def input_features(config: Mapping[str, Any]) -> int | None:
    """The features per frame of a model that takes features; None for a model that takes audio."""
    return config.get("input_size")


def read_speech(file: Path | str, rate: int) -> np.ndarray:
    """Read any audio file that soundfile reads; the channels are averaged.

    Args:
        file: The audio.
        rate: The sampling rate to have, in Hz.

    Returns:
        float32 (samples,).

    Raises:
        UserError: If it is missing, empty, or no audio, or samples are no numbers.
    """
    try:
        if not Path(file).is_file():
            raise UserError(f"{file}: no such file")
        # As bytes, since soundfile takes no name that is not in the encoding of the system.
        samples, own_rate = soundfile.read(os.fsencode(file), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # the last for .raw
        raise UserError(f"{file} cannot be read: {reason(error)}") from error
    if not len(samples):
        raise UserError(f"{file} holds no samples")
    check_finite(samples, str(file))
    mono = samples.mean(axis=1)
    return mono if own_rate == rate else soxr.resample(mono, own_rate, rate)
