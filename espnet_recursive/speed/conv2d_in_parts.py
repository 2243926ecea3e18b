"""Convolutions of the input layer on a CPU, computed for a part of the frames at a time.

At d = 512, the output of the first convolution of ``conv2d`` has 4 MB for each second of audio. A
part of it stays in the cache and does not grow with the length. Training does not store it: the
backward pass recomputes the first convolution, which has 1 % of the operations of the second.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, TypeGuard

import torch
from torch.utils.checkpoint import checkpoint

from espnet_recursive.speed.packed_conv2d import pack_convolutions

#: Output frames (B x T') of a part, at inference and in training. Training has the larger parts,
#: because the gradients of the parts have to be summed.
_FRAMES, _TRAINING_FRAMES = 32, 64
#: The smallest part of an utterance, in large batches: neighbouring parts share some work.
_FEWEST_FRAMES = 4
#: Layers in which no frame depends on another. Others say so by an attribute, ``per_frame``.
_OF_FRAMES = (torch.nn.ReLU, torch.nn.LeakyReLU, torch.nn.Dropout)


class Conv2dInParts(torch.nn.Sequential):
    """Convolutions, and layers of single frames, that compute a part of the frames at a time.

    The output and the names of the parameters are those of ``torch.nn.Sequential``. On a GPU, and
    while the forward pass is traced for an export, all frames are computed at once.

    Args:
        *layers: The arguments of a ``Sequential`` that :meth:`supports` accepts.
    """

    def __init__(self, *layers: Any) -> None:
        super().__init__(*layers)
        self.sizes = {name: (conv.kernel_size[0], conv.stride[0]) for name, conv in _convs(self)}
        convs = [place for place, layer in enumerate(self) if isinstance(layer, torch.nn.Conv2d)]
        #: The number of first layers that are recomputed in the backward pass.
        self.recomputed = convs[1] + 1 if len(convs) > 1 else 0
        first = list(self)[: self.recomputed]
        self.draws = any(isinstance(layer, torch.nn.Dropout) and layer.p > 0 for layer in first)

    @staticmethod
    def supports(layers: torch.nn.Module) -> TypeGuard[torch.nn.Sequential]:
        """Whether the layers are convolutions without padding in time, and layers of frames."""
        return (
            type(layers) is torch.nn.Sequential
            and bool(_convs(layers))
            and all(
                type(layer) in _OF_FRAMES
                or getattr(layer, "per_frame", False)
                or (
                    type(layer) is torch.nn.Conv2d
                    and not isinstance(layer.padding, str)
                    and layer.padding[0] == 0
                    and layer.dilation[0] == 1
                )
                for layer in layers
            )
        )

    def pack(self, precision: str) -> None:
        """Prepare the convolutions for inference, for parts of one utterance.

        Args:
            precision: "float32" or "int8", see :func:`.pack_convolutions`.
        """
        frames, needed = _FRAMES, {}
        for name, (kernel, stride) in reversed(self.sizes.items()):
            needed[name] = frames = (frames - 1) * stride + kernel
        pack_convolutions(self, needed, precision)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T, F). Returns: (B, C', T', F'), in memory as (B, T', C', F')."""
        if torch.jit.is_tracing() or torch.compiler.is_compiling() or x.device.type != "cpu":
            return super().forward(x)
        trains = torch.is_grad_enabled() and (
            x.requires_grad or any(weight.requires_grad for weight in self.parameters())
        )
        step = max(_FEWEST_FRAMES, (_TRAINING_FRAMES if trains else _FRAMES) // max(1, len(x)))
        frames, field, stride = self._outputs_and_window(x.size(2))
        if frames <= step:
            return super().forward(x)
        starts = range(0, frames, step)
        windows = (x[:, :, stride * t : stride * (t + step - 1) + field] for t in starts)
        return self._train(windows) if trains else self._infer(windows, frames, step)

    def _infer(self, windows: Iterator[torch.Tensor], frames: int, step: int) -> torch.Tensor:
        whole = None
        for start, window in zip(range(0, frames, step), windows, strict=True):
            part = super().forward(window).transpose(1, 2)
            if whole is None:
                whole = part.new_empty(len(part), frames, *part.shape[2:])
            whole[:, start : start + step] = part
        assert whole is not None
        return whole.transpose(1, 2)

    def _train(self, windows: Iterator[torch.Tensor]) -> torch.Tensor:
        # A ReLU stores its output for the backward pass: that of all parts together, which is
        # stored anyway, costs nothing more.
        relu_last = isinstance(self[-1], torch.nn.ReLU)
        rest = list(self)[self.recomputed : len(self) - relu_last]
        parts = []
        for window in windows:
            part = checkpoint(
                self._first_layers, window, use_reentrant=False, preserve_rng_state=self.draws
            )
            for layer in rest:
                part = layer(part)
            parts.append(part.transpose(1, 2))
        whole = torch.cat(parts, 1).transpose(1, 2)
        return self[-1](whole) if relu_last else whole

    def _first_layers(self, x: torch.Tensor) -> torch.Tensor:
        """Run the layers that are recomputed in the backward pass."""
        for layer in list(self)[: self.recomputed]:
            x = layer(x)
        return x

    def _outputs_and_window(self, frames: int) -> tuple[int, int, int]:
        """Number of output frames, input frames that one of them depends on, and stride."""
        field = stride = 1
        for kernel, step in self.sizes.values():
            frames = (frames - kernel) // step + 1
            field += (kernel - 1) * stride
            stride *= step
        return frames, field, stride


def _convs(layers: torch.nn.Sequential) -> list[tuple[str, torch.nn.Conv2d]]:
    return [(name, c) for name, c in layers.named_children() if isinstance(c, torch.nn.Conv2d)]


def convolve_in_parts(module: torch.nn.Module) -> None:
    """Replace the convolutions of an input layer by :class:`Conv2dInParts`, where it supports them.

    Args:
        module: An input layer of ESPnet.
    """
    for name, child in module.named_children():
        if Conv2dInParts.supports(child):
            parts = Conv2dInParts(OrderedDict(child.named_children()))
            setattr(module, name, parts.train(child.training))
