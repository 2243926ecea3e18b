"""Recordings that are to be transcribed, wherever their samples come from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_audio import about_seconds
from espnet_recursive.model.model_input import speech_blocks


@dataclass(frozen=True)
class Recording:
    """A recording whose samples are read when it is its turn.

    Attributes:
        name: As results and messages name it.
        blocks: Reads it at a sampling rate: float32 (n,) samples each.
        seconds: Its duration, or about that; 0 where that is not known.
    """

    name: str
    blocks: Callable[[int], Iterator[np.ndarray]]
    seconds: float = 0.0


def file_recording(file: str, channel: str | None = None, name: str | None = None) -> Recording:
    """An audio file; that it cannot be read is said when it is its turn.

    Args:
        file: The file.
        channel: Which of several channels to take: a number from 1, or "mean"; None where there is
            to be only one.
        name: Its name in results and messages; that of the file by default.
    """
    name = file if name is None else name
    try:
        seconds = about_seconds(file)
    except UserError:
        seconds = 0.0
    return Recording(name, lambda rate: speech_blocks(file, rate, channel, name), seconds)


def bytes_recording(content: bytes, channel: str | None = None, name: str = "") -> Recording:
    """What an audio file holds; the arguments are those of a file."""
    return Recording(name, lambda rate: speech_blocks(content, rate, channel, name))
