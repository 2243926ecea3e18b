"""Samples of any type, shape and rate as a recording."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.files.channels import one_channel
from espnet_recursive.files.finite import check_finite
from espnet_recursive.files.hertz import parse_hertz
from espnet_recursive.model.model_input import MAX_RATE, at_rate
from espnet_recursive.publish.usable_speech import as_floats
from espnet_recursive.transcription.recording import Recording

#: Samples of a channel that are converted at once.
_BLOCK = 2**18
#: Floating samples beyond this are no speech between -1 and 1, but integers as floats.
_LARGEST = 16.0


def array_recording(
    samples: Any, sampling_rate: Any, channel: str | None = None, name: str = "the audio"
) -> Recording:
    """Take samples; what is wrong with them is said now.

    Args:
        samples: An array or tensor of (N,), (N, channels) or (channels, N), the longer of which is
            time: floating between -1 and 1, or integers of 8, 16 or 32 bits, which are scaled.
        sampling_rate: In Hz.
        channel: Which of several channels to take: a number from 1, or "mean"; None where there is
            to be only one.
        name: As results and messages name it.

    Raises:
        UserError: If there is no rate, or the samples are of another type or shape, no finite
            numbers, or not between -1 and 1.
    """
    if sampling_rate is None:
        raise UserError(
            f"{name}: samples do not say their rate; give it, such as sampling_rate=16000"
        )
    own_rate = parse_hertz(sampling_rate, "sampling_rate")
    if own_rate > MAX_RATE:
        raise UserError(f"sampling_rate {sampling_rate}: no audio has more than {MAX_RATE:,} Hz")
    array = _as_array(samples)
    if array.ndim == 2 and array.shape[0] < array.shape[1]:
        array = array.T
    if array.ndim not in (1, 2) or not array.size:
        raise UserError(f"{name} has shape {array.shape}: expected samples (N,) or (N, channels)")
    array = array.reshape(len(array), -1)
    try:
        as_floats(array[:1])
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    if np.issubdtype(array.dtype, np.floating):
        for start in range(0, len(array), _BLOCK):
            _check_floats(array[start : start + _BLOCK], name, start)
    one_channel(array[:1], channel, name)

    def mono() -> Iterator[np.ndarray]:
        for start in range(0, len(array), _BLOCK):
            block = as_floats(array[start : start + _BLOCK]).numpy()
            yield one_channel(block.astype(np.float32, copy=False), channel, name)

    return Recording(name, lambda rate: at_rate(mono(), own_rate, rate), len(array) / own_rate)


def _as_array(samples: Any) -> np.ndarray:
    """The same in memory that NumPy sees; a tensor may be on a GPU and have gradients."""
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu()
    array = np.asarray(samples)
    # torch, which scales integers, knows the byte order of this machine alone.
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _check_floats(block: np.ndarray, name: str, start: int) -> None:
    check_finite(block, name, start)
    largest = float(np.abs(block).max())
    if largest > _LARGEST:
        raise UserError(
            f"{name} has a sample of {largest:g}: floating samples are to be between -1 and 1. "
            "Divide those that were integers of 16 bits by 32768."
        )
