"""Chunks of an utterance: their size, and how many of those before them a chunk sees.

An encoder that shall run while somebody speaks must not look at what comes later. With chunks,
attention sees the frames of its own chunk and of some chunks before it, and convolutions over time
see nothing behind the end of their chunk. How much later the text comes is the chunk's length.

Sources: B. Zhang et al., "Unified streaming and non-streaming two-pass end-to-end model for speech
recognition" (2020), for chunks whose size is drawn in training; X. Li et al., "Dynamic chunk
convolution for unified streaming and non-streaming Conformer ASR", ICASSP 2023, for convolutions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from espnet_recursive.errors import is_integer

#: Values of an option: one, or those of which one is drawn for each batch of a training.
Choices = int | Sequence[int]


@dataclass(frozen=True)
class Chunks:
    """Chunks of a pass.

    Attributes:
        size: Frames of a chunk after subsampling, 1 or more.
        num_left: Chunks before its own that a frame sees; negative for all.
    """

    size: int
    num_left: int = -1

    def at(self, stride: int) -> "Chunks":
        """These chunks where `stride` frames are pooled into one."""
        return Chunks(self.size // stride, self.num_left)

    @property
    def left_frames(self) -> int | None:
        """Frames before its chunk that a frame sees at most; None for all."""
        return None if self.num_left < 0 else self.num_left * self.size

    def attention_mask(self, masks: torch.Tensor | None, frames: torch.Tensor) -> torch.Tensor:
        """What each frame sees.

        Args:
            masks: (B, 1, T) bool, True in the utterance; None where nothing is padded.
            frames: (B, T, D), of whose length and device the masks are.

        Returns:
            (1 or B, T, T) bool, True where the frame of a row sees that of a column. Each frame
            sees itself, also in the padding: a softmax over nothing is not a number.
        """
        length = frames.size(1)
        chunk = torch.arange(length, device=frames.device) // self.size
        seen = chunk <= chunk.unsqueeze(1)
        if self.num_left >= 0:
            seen &= chunk >= (chunk - self.num_left).unsqueeze(1)
        seen = seen.unsqueeze(0)
        if masks is not None:
            seen = seen & masks.bool()
        return seen | torch.eye(length, dtype=torch.bool, device=frames.device)


@dataclass(frozen=True)
class ChunkConf:
    """The chunks of an encoder, as they stand in an ``encoder_conf``.

    Args:
        chunk_size: Frames of a chunk after subsampling; 0 for the whole utterance. Of a list, one
            is drawn for each batch of a training, and the first is that of inference.
        num_left_chunks: Chunks before its own that a frame sees; negative for all. Of a list, one
            is drawn for each batch of a training, and the first is that of inference.
    """

    chunk_size: Choices = 0
    num_left_chunks: Choices = -1

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any], strides: Sequence[int] = ()) -> "ChunkConf":
        """Pick the options out of an ``encoder_conf`` and check them.

        Args:
            conf: All options.
            strides: ``loop_strides``.

        Raises:
            ValueError: Naming the key and what it may be.
        """
        made = cls(conf["chunk_size"], conf["num_left_chunks"])
        sizes = _checked("chunk_size", made.chunk_size, 0)
        _checked("num_left_chunks", made.num_left_chunks, -1)
        if not made.is_used and made.num_left_chunks != cls.num_left_chunks:
            raise ValueError("num_left_chunks needs chunk_size, the frames of a chunk")
        for size in sizes:
            check_strides(size, strides)
        return made

    @property
    def is_used(self) -> bool:
        """Whether the encoder ever sees chunks."""
        return any(_several(self.chunk_size))

    def at_inference(self) -> Chunks | None:
        """The chunks of inference; None for the whole utterance."""
        return _chunks(_several(self.chunk_size)[0], _several(self.num_left_chunks)[0])

    def drawn(self) -> Chunks | None:
        """The chunks of a batch of the training; None for the whole utterance."""
        size, left = _drawn(self.chunk_size), _drawn(self.num_left_chunks)
        return _chunks(size, left)


def chosen_chunks(size: int, num_left: int | None, strides: Sequence[int]) -> Chunks | None:
    """Chunks that somebody has chosen for inference; None for the whole utterance.

    Args:
        size: As ``chunk_size``, one value.
        num_left: As ``num_left_chunks``, one value; None for all.
        strides: ``loop_strides`` of the encoder.

    Raises:
        ValueError: Naming what cannot be.
    """
    if not is_integer(size, 0):
        raise ValueError(f"chunk_size must be an integer of 0 or more, not {size!r}")
    if num_left is not None and not is_integer(num_left, -1):
        raise ValueError(f"num_left_chunks must be an integer of -1 or more, not {num_left!r}")
    check_strides(size, strides)
    return _chunks(size, -1 if num_left is None else num_left)


def check_strides(size: int, strides: Sequence[int]) -> None:
    """Refuse chunks in which a loop would pool frames of two of them.

    Raises:
        ValueError: Naming both.
    """
    for stride in strides:
        if size % stride:
            raise ValueError(
                f"chunk_size={size} must be a multiple of each of loop_strides={list(strides)}, "
                f"and is none of {stride}"
            )


def _checked(key: str, value: Any, least: int) -> Sequence[int]:
    values = _several(value)
    if not values or not all(is_integer(v, least) for v in values):
        raise ValueError(
            f"{key} must be an integer of {least} or more, or a list of them, not {value!r}"
        )
    return values


def _several(value: Choices) -> Sequence[int]:
    return value if isinstance(value, (list, tuple)) else (value,)  # type: ignore[return-value]


def _drawn(value: Choices) -> int:
    """One of the values; what cannot vary draws no number from the random stream."""
    values = _several(value)
    return values[int(torch.randint(len(values), ()))] if len(values) > 1 else values[0]


def _chunks(size: int, num_left: int) -> Chunks | None:
    return Chunks(size, num_left) if size else None
