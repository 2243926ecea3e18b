"""An encoder that sees chunks, with its CTC head, as the graph of one step of a stream.

The contract is that of WeNet's streaming models, which sherpa-onnx's ``OnlineRecognizer`` runs:
the client hands the caches of all layers from step to step. A layer of the recurrent block has
caches for each loop, so the step is traced with all loops one after the other; weights are stored
once all the same.
"""

import math
from collections.abc import Mapping
from typing import Any

import onnx
import torch
from onnx import helper

from espnet_recursive.asr.streaming.cached_layers import Caches
from espnet_recursive.asr.streaming.streaming_encoder import StreamingEncoder
from espnet_recursive.export.graphs import checked, trace
from espnet_recursive.export.positions import sinusoids

Tensor = torch.Tensor
OUTPUTS = ("log_probs", "next_attn_cache", "next_conv_cache")
#: The client's samples are 16 bit numbers, so energies are larger by the square of that.
LEVEL = 2 * math.log(32768.0)
#: The logarithm of the least energy in features of samples in +-1.
_FLOOR = math.log(torch.finfo(torch.float32).eps)


class OnlineStep(torch.nn.Module):
    """One step of a stream.

    Args:
        stream: The encoder, whose chunks have a limited number of chunks before them.
        normalize: ESPnet's normalisation with global statistics; None for none.
        ctc: ESPnet's CTC module.
        features: F.

    Attributes:
        stream: The encoder.
        left: Frames of the caches of attention.
        frames: Features of a step.
        geometry: Sizes that the client has to know, by the names of WeNet's metadata.
    """

    def __init__(self, stream: StreamingEncoder, normalize: Any, ctc: Any, features: int) -> None:
        super().__init__()
        self.stream, self.normalize, self.ctc = stream, normalize, ctc
        self.encoder = stream.encoder  # of whose weights the tracer has to know
        left = stream.chunks.left_frames
        if not left:
            raise ValueError("a step of constant size needs num_left_chunks of 1 or more")
        self.left = left
        self.frames = stream.chunks.size * stream.subsampling + stream.right_context
        caches = self._caches_of_a_stream(features)
        rows = sorted({position for position, _ in caches})
        self._rows = {position: row for row, position in enumerate(rows)}
        self._shapes = {place: tuple(cache.shape) for place, cache in caches.items()}
        heads, width = next(
            (shape[1], shape[1] * shape[3] // 2) for shape in self._shapes.values() if _is_kv(shape)
        )
        most = max(
            sum(math.prod(s) for (p, _), s in self._shapes.items() if p == row and not _is_kv(s))
            for row in rows
        )
        self.geometry = {
            "head": heads,
            "num_blocks": len(rows),
            "output_size": width,
            # The caches of a layer's convolutions, one after the other, in as many frames of this
            # width as they need; the client keeps one frame at the least.
            "cnn_module_kernel": max(1, -(-most // width)) + 1,
            "right_context": stream.right_context + stream.subsampling - 1,
            "subsampling_factor": stream.subsampling,
        }
        self.eval()

    def inputs(self) -> dict[str, Tensor]:
        """The inputs of the first step, of silence."""
        size = self.geometry
        rows, heads, width = (size[key] for key in ("num_blocks", "head", "output_size"))
        seen = torch.zeros(1, 1, self.left + self.stream.chunks.size, dtype=torch.bool)
        seen[..., self.left :] = True
        return {
            "x": torch.zeros(1, self.frames, self._features),
            "offset": torch.tensor([self.left]),
            "required_cache_size": torch.tensor([self.left]),
            "attn_cache": torch.zeros(rows, heads, self.left, 2 * width // heads),
            "conv_cache": torch.zeros(rows, 1, width, size["cnn_module_kernel"] - 1),
            "attn_mask": seen,
        }

    def forward(
        self,
        x: Tensor,
        offset: Tensor,
        required_cache_size: Tensor,
        attn_cache: Tensor,
        conv_cache: Tensor,
        attn_mask: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Take a step.

        Args:
            x: (1, frames, F), log mel energies of samples in 16 bit.
            offset: (1,) int64, the frames before these, and `required_cache_size` more.
            required_cache_size: (1,) int64, the frames of the caches.
            attn_cache: (layers, heads, left, 2 d_k) keys and values.
            conv_cache: (layers, 1, D, kernel - 1) frames of the convolutions.
            attn_mask: (1, 1, left + chunk) bool, which of the frames are there.

        Returns:
            (1, chunk, V) log posteriors, and both caches for the next step.
        """
        feats = (x - LEVEL).clamp(min=_FLOOR)
        if self.normalize is not None:
            feats, _ = self.normalize(feats, torch.tensor([self.frames]))
        positions = None
        if self.stream.has_absolute_positions:
            first = (offset - required_cache_size).float()
            frames = first + torch.arange(self.stream.chunks.size, dtype=torch.float32)
            positions = sinusoids(frames, self.geometry["output_size"])
        layers = self.stream.layers(self._unpacked(attn_cache, conv_cache), attn_mask)
        states = self.stream.encode_chunk(feats, layers, positions)
        return self.ctc.log_softmax(states), *self._packed(layers.caches)

    def _unpacked(self, attn_cache: Tensor, conv_cache: Tensor) -> dict[tuple[int, str], Tensor]:
        """The caches of the layers out of those of the contract."""
        caches, ends = {}, dict.fromkeys(self._rows, 0)
        for (position, name), shape in self._shapes.items():
            row = self._rows[position]
            if _is_kv(shape):
                caches[position, name] = attn_cache[row : row + 1, :, self.left - shape[2] :]
                continue
            begin, size = ends[position], math.prod(shape)
            ends[position] = begin + size
            flat = conv_cache[row].flatten()[begin : begin + size]
            caches[position, name] = flat.reshape(shape)
        return caches

    def _packed(self, caches: Caches) -> tuple[Tensor, Tensor]:
        """The caches of the contract out of those of the layers, in the same order."""
        size = self.geometry
        heads, width, frames = size["head"], size["output_size"], size["cnn_module_kernel"] - 1
        attention, convolutions = [], []
        for position in self._rows:
            keys = torch.zeros(1, heads, self.left, 2 * width // heads)
            flat = torch.zeros(width * frames)
            end = 0
            for place, shape in self._shapes.items():
                if place[0] != position:
                    continue
                cache = caches[place]
                if _is_kv(shape):
                    missing = self.left - shape[2]
                    keys = torch.cat([keys[:, :, :missing], cache], 2) if missing else cache
                else:
                    parts = [flat[:end], cache.flatten(), flat[end + math.prod(shape) :]]
                    end += math.prod(shape)
                    flat = torch.cat([part for part in parts if part.size(0)])
            attention.append(keys)
            convolutions.append(flat.reshape(1, 1, width, frames))
        return torch.cat(attention), torch.cat(convolutions)

    def _caches_of_a_stream(self, features: int) -> Caches:
        """The caches of a stream in which nothing more is to be kept."""
        self._features = features
        chunks = self.stream.chunks
        frames = (chunks.num_left + 1) * chunks.size * self.stream.subsampling
        silence = torch.zeros(1, frames + self.stream.right_context, features)
        _, state = self.stream(silence, self.stream.start())
        return state.caches


def online_graph(step: OnlineStep) -> onnx.ModelProto:
    """The ONNX model of a step, with all inputs of the contract, used or not."""
    inputs = step.inputs()
    with torch.no_grad():
        model = trace(step, inputs, OUTPUTS, {})
    there = {value.name: value for value in model.graph.input}
    for name, value in inputs.items():
        if name not in there:
            kind = helper.np_dtype_to_tensor_dtype(value.numpy().dtype)
            there[name] = helper.make_tensor_value_info(name, kind, list(value.shape))
    del model.graph.input[:]
    model.graph.input.extend(there[name] for name in inputs)
    return checked(model)


def _is_kv(shape: Any) -> bool:
    return len(shape) == 4


def describe_step(model: onnx.ModelProto, step: OnlineStep, tokens: int) -> None:
    """Write what the client has to know into the metadata of the model."""
    about: Mapping[str, Any] = {
        "model_type": "wenet_ctc",
        **step.geometry,
        "vocab_size": tokens,
        "chunk_size": step.stream.chunks.size,
        "num_left_chunks": step.stream.chunks.num_left,
    }
    del model.metadata_props[:]
    for key, value in about.items():
        model.metadata_props.add(key=key, value=str(value))
