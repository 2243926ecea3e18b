"""An encoder on features as they come: the same as its pass with chunks over the whole utterance.

    stream = StreamingEncoder(encoder)
    state = stream.start()
    states, state = stream(feats, state)             # as often as there are features
    states, state = stream(feats, state, last=True)

A stream is a value: an encoder runs any number of them, in threads too.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from espnet2.legacy.nets.pytorch_backend.transformer.embedding import (
    PositionalEncoding,
    RelPositionalEncoding,
)

from espnet_recursive.asr.encoder.pass_plan import ChosenDepth, choose_depth, chunks_of_pass
from espnet_recursive.asr.streaming.cached_layers import CachedLayers, Caches
from espnet_recursive.recursion.module_view import view_of, with_modules

Tensor = torch.Tensor
#: Tables of positions are made for so many frames at first, and for twice as many as needed later.
_POSITIONS = 4096


@dataclass(frozen=True)
class StreamState:
    """What a stream knows between two calls.

    Attributes:
        feats: (B, T, F) features that are still needed; None before the first ones.
        frames: States that it has given.
        caches: What the layers keep.
    """

    feats: Tensor | None = None
    frames: int = 0
    caches: Caches = field(default_factory=dict)

    @property
    def num_bytes(self) -> int:
        """Memory of the caches."""
        return sum(cache.numel() * cache.element_size() for cache in self.caches.values())


class StreamingEncoder:
    """A recursive encoder, of any architecture, that takes features as they come.

    Args:
        encoder: The encoder, in evaluation mode.
        chunk_size: Frames of a chunk after subsampling; None for what the configuration says.
        num_left_chunks: Chunks before its own that a frame sees; None for what the configuration
            says.
        num_loops: Loops; None for what the configuration says.
        ctc: ESPnet's CTC module, which self-conditioned encoders need.

    Attributes:
        encoder: The encoder.
        chunks: The chunks.
        subsampling: Features for each state.
        right_context: Features behind the last of a chunk's that its states need.

    Raises:
        ValueError: If the encoder has no chunks, or cannot be run so; the message says why.
    """

    def __init__(
        self,
        encoder: Any,
        *,
        chunk_size: int | None = None,
        num_left_chunks: int | None = None,
        num_loops: int | None = None,
        ctc: torch.nn.Module | None = None,
    ) -> None:
        if encoder.training:
            raise ValueError("a stream is for inference: call eval() first")
        chosen = ChosenDepth(
            num_loops, chunk_size=chunk_size, num_left_chunks=num_left_chunks, ctc=(ctc,)
        )
        chunks = chunks_of_pass(encoder, choose_depth(encoder, chosen))
        if chunks is None:
            raise ValueError(
                "the encoder sees whole utterances: set chunk_size in its encoder_conf, and train "
                "it so, or choose one"
            )
        policy = encoder.recursion.policy
        if num_loops is None and policy.depth_in_evaluation and policy.per_utterance:
            raise ValueError(
                f"loop_policy={encoder.recursion.options.loop_policy} takes the loops from the "
                "length of an utterance, which a stream does not know: choose num_loops"
            )
        loops = num_loops or encoder.shape.num_loops
        self.encoder, self.chunks, self._ctc = encoder, chunks, ctc
        self._chosen = ChosenDepth(loops)
        self.subsampling, self._span = _geometry(encoder.embed)
        self.right_context = self._span - self.subsampling
        found = [
            (name, module)
            for name, module in encoder.embed.named_modules()
            if isinstance(module, (PositionalEncoding, RelPositionalEncoding))
        ]
        if len(found) != 1:
            raise ValueError(
                "a stream needs pos_enc_layer_type of abs_pos, scaled_abs_pos or rel_pos"
            )
        self._name_of_positions, self._positions = found[0]

    def start(self) -> StreamState:
        """The state of a stream that begins."""
        return StreamState()

    @torch.no_grad()
    def __call__(
        self, feats: Tensor, state: StreamState, last: bool = False
    ) -> tuple[Tensor, StreamState]:
        """Take the next features.

        Args:
            feats: (B, T, F) as the encoder takes them, T being any number, 0 as well.
            state: What the call before returned; the stream's, and unchanged.
            last: Whether no more come. Then what is left is encoded as a shorter chunk.

        Returns:
            (B, T', D), the states of all chunks that are whole, and the state after them.
        """
        if state.feats is not None:
            feats = torch.cat([state.feats, feats], 1)
        frames, caches = state.frames, state.caches
        step, outs = self.chunks.size * self.subsampling, []
        while feats.size(1) >= (needed := step + self.right_context):
            out, caches = self._encode(feats[:, :needed], frames, caches)
            outs.append(out)
            frames, feats = frames + out.size(1), feats[:, step:]
        if last and feats.size(1) >= self._span:
            out, caches = self._encode(feats, frames, caches)
            outs.append(out)
            frames += out.size(1)
        empty = feats.new_zeros(len(feats), 0, self.encoder.output_size())
        return torch.cat([empty, *outs], 1), StreamState(feats, frames, caches)

    @property
    def has_absolute_positions(self) -> bool:
        """Whether the input layer adds positions, or attention has relative ones."""
        return isinstance(self._positions, PositionalEncoding)

    def layers(self, caches: Caches, seen: Tensor | None = None) -> CachedLayers:
        """The layers as they are for the next chunk; see :class:`CachedLayers`."""
        return CachedLayers(self.chunks, caches, self._relative, seen)

    def encode_chunk(
        self, feats: Tensor, layers: CachedLayers, positions: Tensor | None = None
    ) -> Tensor:
        """Encode a chunk.

        Args:
            feats: (B, T, F), with the right context.
            layers: The layers, whose caches are the next chunk's afterwards.
            positions: (1, T', D) of the chunk's frames, or of more, where they are absolute.

        Returns:
            (B, T', D), the states.
        """
        replaced = {}
        if positions is not None:
            views = {
                self._name_of_positions: view_of(
                    self._positions, pe=positions, extend_pe=lambda x: None
                )
            }
            replaced["embed"] = with_modules(self.encoder.embed, views)
        view = with_modules(self.encoder, replaced)
        options: dict[str, Any] = {
            "xs_pad": feats,
            # Of numbers: sizes in a trace would have no type of their own.
            "ilens": torch.tensor([int(feats.size(1))] * len(feats), device=feats.device),
        }
        if self._ctc is not None and "ctc" in self.encoder._stock_signature.parameters:
            options["ctc"] = self._ctc
        out, _, _ = view._by_plan(options, self._chosen, layers)
        return out[0] if isinstance(out, tuple) else out

    def _encode(self, feats: Tensor, frames: int, caches: Caches) -> tuple[Tensor, Caches]:
        """A chunk that begins with a number of frame."""
        positions = None
        if self.has_absolute_positions:
            positions = self._table(frames + self.chunks.size, feats)[:, frames:]
        layers = self.layers(caches)
        return self.encode_chunk(feats, layers, positions), layers.caches

    def _table(self, length: int, like: Tensor) -> Tensor:
        """ESPnet's table of positions, for `length` frames or more."""
        table = self._positions.pe
        if table is None or table.size(1) < length:
            length = max(_POSITIONS, 2 * length)
        self._positions.extend_pe(like.new_empty(1, length, 1))
        return self._positions.pe

    def _relative(self, kept: int, frames: int, stride: int) -> Tensor:
        """Positions from ``kept + frames - 1`` to ``1 - frames``, in steps of `stride` frames."""
        length = (kept + frames - 1) * stride + 1
        like = next(self.encoder.parameters())
        table, middle = self._table(length, like), self._positions.pe.size(1) // 2
        farthest = middle - (length - 1)
        return table[:, farthest : middle + (frames - 1) * stride + 1 : stride]


def _geometry(embed: Any) -> tuple[int, int]:
    """Of an input layer of convolutions without padding: features a state, and that one spans.

    Raises:
        ValueError: If it is another.
    """
    layers = getattr(embed, "conv", None)
    subsampling = span = 1
    for layer in layers if layers is not None else ():
        if isinstance(layer, (torch.nn.Conv1d, torch.nn.Conv2d)):
            if layer.padding != "valid" and layer.padding[0]:
                layers = None
                break
            span += (layer.kernel_size[0] - 1) * subsampling
            subsampling *= layer.stride[0]
    if layers is None:
        raise ValueError(
            "a stream needs an input_layer of convolutions, such as conv2d or conv2d6, "
            f"not {type(embed).__name__}"
        )
    return subsampling, span
