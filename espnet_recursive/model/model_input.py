"""The kind of speech that a trained model takes, and reading audio files in that form."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from espnet_recursive.errors import UserError
from espnet_recursive.files.audio_blocks import audio_blocks
from espnet_recursive.files.channels import one_channel
from espnet_recursive.files.finite import check_finite
from espnet_recursive.files.hertz import parse_hertz
from espnet_recursive.files.read_audio import AudioError, inspect
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
    blocks = list(speech_blocks(file, rate, channel))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def speech_blocks(
    source: Path | str | bytes, rate: int, channel: str | None = "mean", name: str | None = None
) -> Iterator[np.ndarray]:
    """Read any audio in blocks, which together are what :func:`read_speech` reads.

    Args:
        source: A file, or what one holds.
        rate: The sampling rate to have, in Hz.
        channel: As there.
        name: Its name in messages; that of the file by default.

    Yields:
        float32 (n,) samples.

    Raises:
        UserError: As there; after the blocks before, where the error shows behind them only.
    """
    name = str(source) if name is None else name
    blocks = audio_blocks(source)
    try:
        first, own_rate = next(blocks)
        others = (samples for samples, _ in blocks)
        yield from at_rate(_mono(chain([first], others), channel, name), own_rate, rate)
    except AudioError as error:
        raise UserError(f"{name} cannot be read: {error}. {error.remedy}.") from error


def at_rate(blocks: Iterable[np.ndarray], own_rate: int, rate: int) -> Iterator[np.ndarray]:
    """Resample audio that comes in blocks, as if it came in one.

    Args:
        blocks: float32 (n,) each.
        own_rate: Their sampling rate in Hz.
        rate: The sampling rate to have.
    """
    if own_rate == rate:
        yield from blocks
        return
    resampler = soxr.ResampleStream(own_rate, rate, 1, "float32")
    for block in blocks:
        yield resampler.resample_chunk(np.ascontiguousarray(block))
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _mono(blocks: Iterable[np.ndarray], channel: str | None, name: str) -> Iterator[np.ndarray]:
    """One channel of (n, channels) each."""
    start = 0
    for samples in blocks:
        check_finite(samples, name, start)
        start += len(samples)
        yield one_channel(samples, channel, name)
