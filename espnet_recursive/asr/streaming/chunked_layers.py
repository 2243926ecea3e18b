"""ESPnet's layers with attention and convolutions that see chunks; the weights stay theirs.

A layer runs as a view of itself (:mod:`espnet_recursive.recursion.module_view`), in which the
attention and the convolutions over time have another forward method. So one layer runs with chunks
of one size in this pass and of another in the next, and state-dict keys are those of ESPnet.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch
from espnet2.asr.layers.fastformer import FastSelfAttention
from espnet2.legacy.nets.pytorch_backend.transformer.attention import (
    LegacyRelPositionMultiHeadedAttention,
    MultiHeadedAttention,
)

from espnet_recursive.asr.streaming.chunks import Chunks
from espnet_recursive.recursion.module_view import view_of, with_modules
from espnet_recursive.speed.depthwise import ChannelsLastConv1d

Tensor = torch.Tensor


class ChunkedAttention:
    """Self-attention whose masks are those of chunks: a class before one of ESPnet's.

    Attributes:
        chunks: The chunks of the pass.
    """

    chunks: Chunks

    def forward(self, query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> Tensor:
        """Attend, with the arguments of ESPnet's method, of which the masks are the last."""
        *positions, masks = rest
        seen = self.chunks.attention_mask(masks, query)
        attend: Callable[..., Tensor] = super().forward  # type: ignore[misc]
        return attend(query, key, value, *positions, seen)


class ChunkedConvolution:
    """A convolution over time that sees zeros behind the end of a chunk: a class before another.

    Attributes:
        chunks: The chunks of the pass.
        before: Frames on each side that the kernel looks at.
    """

    chunks: Chunks
    before: int

    def forward(self, x: Tensor) -> Tensor:
        """Args: x (B, C, T). Returns: (B, C, T)."""
        size, before = self.chunks.size, self.before
        rows, channels, frames = x.shape
        x = torch.nn.functional.pad(x, (before, -frames % size))
        # Each chunk with what is before it, in a row of its own, padded behind with zeros.
        parts = x.unfold(2, before + size, size).transpose(1, 2).flatten(0, 1)
        convolve: Callable[[Tensor], Tensor] = super().forward  # type: ignore[misc]
        parts = convolve(parts)[..., before:].unflatten(0, (rows, -1)).transpose(1, 2)
        return parts.flatten(2)[..., :frames]


class ChunkedLayers:
    """Layers as they are in a pass with chunks.

    Args:
        chunks: The chunks, in frames of the full rate.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._views: dict[tuple[torch.nn.Module, int], torch.nn.Module] = {}

    def __call__(self, layer: torch.nn.Module, position: int, stride: int) -> torch.nn.Module:
        """A view of a layer.

        Args:
            layer: The layer.
            position: Where in the pass it runs; all are alike here.
            stride: How many frames were pooled into each that it takes.
        """
        if (layer, stride) not in self._views:
            chunks = self._chunks.at(stride)
            attention = {
                name: view_of(module, of_kind(ChunkedAttention, module), chunks=chunks)
                for name, module in attentions(layer)
            }
            convolutions = {
                name: view_of(
                    module, of_kind(ChunkedConvolution, module), chunks=chunks, before=before
                )
                for name, module, before in convolutions_over_time(layer)
            }
            self._views[layer, stride] = with_modules(layer, attention | convolutions)
        return self._views[layer, stride]


def of_kind(first: type, module: torch.nn.Module) -> type:
    """A class with the methods of `first` before those of a module's class."""
    kind: Any = type(module)
    return _class(first, kind)


@cache
def _class(first: Any, kind: Any) -> type:
    return type(f"{first.__name__}Of{kind.__name__}", (first, kind), {})


def attentions(layer: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """The attention modules of a layer and their names in it.

    Flash attention takes no masks of single frames, so what comes does not use it.
    """
    for name, module in layer.named_modules():
        if isinstance(module, MultiHeadedAttention):
            yield name, view_of(module, use_flash_attn=False)


def convolutions_over_time(layer: torch.nn.Module) -> Iterator[tuple[str, Any, int]]:
    """The convolutions of a layer that look at other frames: name, module, frames on each side."""
    for name, module in layer.named_modules():
        if isinstance(module, (torch.nn.Conv1d, ChannelsLastConv1d)):
            before = int(module.padding[0])
            if before:
                yield name, module, before


def check_chunkable(layers: Iterator[torch.nn.Module] | Any) -> None:
    """Refuse layers of which one frame cannot be told without all others.

    Args:
        layers: The layers.

    Raises:
        ValueError: Naming the option of ``encoder_conf`` that is in the way.
    """
    for layer in layers:
        if getattr(layer, "merge_method", None) == "learned_ave":
            raise ValueError(
                "chunk_size does not go with merge_method=learned_ave, which weighs the branches "
                "by a mean over the whole utterance: use concat or fixed_ave"
            )
        for module in layer.modules():
            if isinstance(module, FastSelfAttention):
                raise ValueError(
                    "chunk_size does not go with fast_selfattn, which pools the whole utterance: "
                    "use selfattn or rel_selfattn"
                )
            if isinstance(module, LegacyRelPositionMultiHeadedAttention):
                raise ValueError(
                    "chunk_size does not go with ESPnet's legacy relative positions, whose scores "
                    "mix frames: set rel_pos_type: latest, with rel_selfattn and rel_pos"
                )
