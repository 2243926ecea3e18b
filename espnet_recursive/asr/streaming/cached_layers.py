"""ESPnet's layers on one chunk after the other: what they need of earlier chunks is kept for them.

Attention keeps keys and values, convolutions keep the frames that their kernels look back at, for
each *executed* layer: a layer of the recurrent block has a cache for each loop.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from espnet_recursive.asr.streaming.chunked_layers import (
    attentions,
    convolutions_over_time,
    of_kind,
)
from espnet_recursive.asr.streaming.chunks import Chunks
from espnet_recursive.recursion.module_view import view_of, with_modules

Tensor = torch.Tensor
#: (position of the executed layer, name of the module in it) -> what it keeps.
Caches = Mapping[tuple[int, str], Tensor]
#: (frames kept, frames of the chunk, stride) -> (1, kept + 2 * frames - 1, D), the embedding of
#: relative positions from the farthest to the last.
Relative = Callable[[int, int, int], Tensor]


@dataclass(frozen=True)
class Cache:
    """What a module kept, and where it leaves what the next chunk needs.

    Attributes:
        kept: Keys and values, (B, heads, R, 2 d_k), or frames, (B, C, before); None at the start.
        most: Frames to keep; None for all.
        leave: Called with what the next chunk needs.
    """

    kept: Tensor | None
    most: int | None
    leave: Callable[[Tensor], None]

    def joined(self, new: Tensor) -> Tensor:
        """What was kept, before what is new, along the frames, of which the last are kept."""
        whole = new if self.kept is None else torch.cat([self.kept, new], 2)
        first = 0 if self.most is None else max(0, whole.size(2) - self.most)
        self.leave(whole[:, :, first:])
        return whole


class CachedAttention:
    """Self-attention of a chunk: a class before one of ESPnet's.

    Attributes:
        cache: Keys and values of earlier chunks.
        stride: How many frames were pooled into each.
        relative: The embedding of relative positions.
        seen: (1, 1, kept + frames), before frames were pooled: which of them are there; None for
            all.
    """

    cache: Cache
    stride: int
    relative: Relative
    seen: Tensor | None

    def forward(self: Any, query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> Tensor:
        """Attend, with the arguments of ESPnet's method, whose masks are of no padding."""
        *positions, _ = rest
        q, k, v = self.forward_qkv(query, key, value)
        k, v = self.cache.joined(torch.cat([k, v], -1)).split(self.d_k, -1)
        if not positions:
            scores = q @ k.transpose(-2, -1)
        else:
            # Numbers: in a trace, where sizes do not change, they would be values of the graph.
            frames, kept = int(q.size(2)), int(k.size(2)) - int(q.size(2))
            p = self.linear_pos(self.relative(kept, frames, self.stride))
            p = p.view(1, -1, self.h, self.d_k).transpose(1, 2)
            q = q.transpose(1, 2)
            content = (q + self.pos_bias_u).transpose(1, 2) @ k.transpose(-2, -1)
            by_offset = (q + self.pos_bias_v).transpose(1, 2) @ p.transpose(-2, -1)
            # The offset from query i to key j is kept + i - j; the first column is the farthest.
            i = torch.arange(frames, device=q.device).unsqueeze(1)
            j = torch.arange(k.size(2), device=q.device)
            place = (frames - 1 - i + j).expand_as(content)
            distance = by_offset.gather(-1, place)
            if self.zero_triu:
                distance = distance.masked_fill(j > kept + i, 0.0)
            scores = content + distance
        seen = None if self.seen is None else self.seen[..., :: self.stride]
        out: Tensor = self.forward_attention(v, scores / math.sqrt(self.d_k), seen)
        return out


class CachedConvolution:
    """A convolution over the frames of a chunk and those before it: a class before another.

    Attributes:
        cache: The frames before the chunk.
        before: Frames on each side that the kernel looks at.
    """

    cache: Cache
    before: int

    def forward(self, x: Tensor) -> Tensor:
        """Args: x (B, C, T). Returns: (B, C, T)."""
        if self.cache.kept is None:
            x = torch.nn.functional.pad(x, (self.before, 0))
        convolve: Callable[[Tensor], Tensor] = super().forward  # type: ignore[misc]
        return convolve(self.cache.joined(x))[..., self.before :]


class CachedLayers:
    """Layers as they are for the next chunk of a stream.

    Args:
        chunks: The chunks, in frames of the full rate.
        caches: What was kept of earlier chunks.
        relative: The embedding of relative positions.
        seen: (1, 1, frames) bool, which of the frames that caches may keep, and of the chunk's, are
            there, for caches that are of their full size from the start; None for all.

    Attributes:
        caches: What the chunk after it needs, when the pass is over.
    """

    def __init__(
        self, chunks: Chunks, caches: Caches, relative: Relative, seen: Tensor | None = None
    ) -> None:
        self._chunks, self._before, self._relative = chunks, caches, relative
        self._seen = seen
        self.caches: dict[tuple[int, str], Tensor] = {}

    def __call__(self, layer: torch.nn.Module, position: int, stride: int) -> torch.nn.Module:
        """A view of a layer, as :class:`espnet_recursive.asr.streaming.chunked_layers`."""
        chunks = self._chunks.at(stride)
        replaced: dict[str, torch.nn.Module] = {}
        for name, module in attentions(layer):
            replaced[name] = view_of(
                module,
                of_kind(CachedAttention, module),
                cache=self._cache(position, name, chunks.left_frames),
                stride=stride,
                relative=self._relative,
                seen=self._seen,
            )
        for name, module, before in convolutions_over_time(layer):
            cache = self._cache(position, name, before)
            kind = of_kind(CachedConvolution, module)
            replaced[name] = view_of(module, kind, cache=cache, before=before)
        return with_modules(layer, replaced)

    def _cache(self, position: int, name: str, most: int | None) -> Cache:
        def leave(kept: Tensor) -> None:
            self.caches[position, name] = kept

        return Cache(self._before.get((position, name)), most, leave)
