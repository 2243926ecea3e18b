"""The kind of speech that a trained model takes, and reading audio files in that form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from espnet_recursive.errors import UserError
from espnet_recursive.files.channels import one_channel
from espnet_recursive.files.finite import check_finite
from espnet_recursive.files.hertz import parse_hertz
from espnet_recursive.files.read_audio import AudioError, decode, inspect
from espnet_recursive.files.text_lines import read_lines

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


def check_data_rate(config: Mapping[str, Any], wav_scp: Path | str) -> None:
    """Refuse data of another sampling rate than a trained model's: ESPnet takes them as they are.

    Its readers see to it that all files of a data set have one rate, so the first file tells.

    Args:
        config: The configuration of the model; one that names no rate takes any.
        wav_scp: The table of the audio files. A command in the place of a file is not looked at.

    Raises:
        UserError: With both rates.
    """
    if input_features(config) or "fs" not in (config.get("frontend_conf") or {}):
        return
    _, _, file = next(read_lines(wav_scp), "").partition(" ")
    try:
        info = inspect(file) if Path(file).is_file() else None
    except AudioError:
        return  # it is named when it is read
    rate = sampling_rate(config)
    if info is not None and info.rate != rate:
        raise UserError(
            f"{wav_scp}: {file} has {info.rate} Hz, and the model takes {rate} Hz "
            f"(frontend_conf.fs). Prepare the data at that rate: --fs {rate}, from stage 3."
        )


def read_speech(file: Path | str, rate: int, channel: str | None = "mean") -> np.ndarray:
    """Read any audio file.

    Args:
        file: The audio.
        rate: The sampling rate to have, in Hz.
        channel: Which of several channels to take: a number from 1, or "mean"; None where there is
            to be only one.

    Returns:
        float32 (samples,).

    Raises:
        UserError: If it is missing, empty, cut off, or no audio, has other channels, or samples are
            no numbers.
    """
    try:
        samples, own_rate = decode(file)
    except AudioError as error:
        raise UserError(f"{file} cannot be read: {error}. {error.remedy}.") from error
    check_finite(samples, str(file))
    mono = one_channel(samples, channel, str(file))
    return mono if own_rate == rate else soxr.resample(mono, own_rate, rate)
