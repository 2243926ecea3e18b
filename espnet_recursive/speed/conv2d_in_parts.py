"""Convolutions of the input layer on a CPU, over parts of the time.

At d = 512, the first convolution of ``conv2d`` makes 4 MB of each second of audio. In parts, these
stay in cache, nothing grows with the length, and in training nothing of them is kept: the backward
pass computes the first convolution once more, which has 1 % of the operations of the second.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, TypeGuard

import torch
from torch.utils.checkpoint import checkpoint

from espnet_recursive.speed.packed_conv2d import pack_convolutions

#: Output frames (B x T') of a part, at inference and in training, which adds up gradients of parts.
_FRAMES, _TRAINING_FRAMES = 32, 64
#: Of an utterance, in large batches: neighbouring parts share some work.
_FEWEST_FRAMES = 4


class Conv2dInParts(torch.nn.Sequential):
    """Convolutions and ReLUs, of which a part of the frames is computed at a time.

    The output is that of ``torch.nn.Sequential``, and so are the names of the parameters. On a GPU,
    and where the pass is recorded for an export, all is computed at once.

    Args:
        *layers: Those of a ``Sequential`` that :meth:`takes` takes, as that has them.
    """

    def __init__(self, *layers: Any) -> None:
        super().__init__(*layers)
        self.sizes = {name: (conv.kernel_size[0], conv.stride[0]) for name, conv in _convs(self)}
        convs = [place for place, layer in enumerate(self) if isinstance(layer, torch.nn.Conv2d)]
        #: Layers of which only the last one's output is kept for the backward pass.
        self.forgetful = convs[1] + 1 if len(convs) > 1 else 0

    @staticmethod
    def takes(layers: torch.nn.Module) -> TypeGuard[torch.nn.Sequential]:
        """Whether each frame comes from a window of frames, through convolutions and ReLUs."""
        return (
            type(layers) is torch.nn.Sequential
            and bool(_convs(layers))
            and all(
                type(layer) is torch.nn.ReLU
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
        """Args: x (B, C, T, F). Returns: (B, C', T', F'), laid out as (B, T', C', F')."""
        if torch.jit.is_tracing() or torch.compiler.is_compiling() or x.device.type != "cpu":
            return super().forward(x)
        learns = torch.is_grad_enabled() and (
            x.requires_grad or any(weight.requires_grad for weight in self.parameters())
        )
        step = max(_FEWEST_FRAMES, (_TRAINING_FRAMES if learns else _FRAMES) // max(1, len(x)))
        frames, field, stride = self._outputs_and_window(x.size(2))
        if frames <= step:
            return super().forward(x)
        starts = range(0, frames, step)
        windows = (x[:, :, stride * t : stride * (t + step - 1) + field] for t in starts)
        return self._learn(windows) if learns else self._infer(windows, frames, step)

    def _infer(self, windows: Iterator[torch.Tensor], frames: int, step: int) -> torch.Tensor:
        whole = None
        for start, window in zip(range(0, frames, step), windows, strict=True):
            part = super().forward(window).transpose(1, 2)
            if whole is None:
                whole = part.new_empty(len(part), frames, *part.shape[2:])
            whole[:, start : start + step] = part
        assert whole is not None
        return whole.transpose(1, 2)

    def _learn(self, windows: Iterator[torch.Tensor]) -> torch.Tensor:
        # A last ReLU keeps its output: better that of all parts, which is needed anyway.
        relu_last = isinstance(self[-1], torch.nn.ReLU)
        rest = list(self)[self.forgetful : len(self) - relu_last]
        parts = []
        for window in windows:
            part = checkpoint(
                self._forgotten, window, use_reentrant=False, preserve_rng_state=False
            )
            for layer in rest:
                part = layer(part)
            parts.append(part.transpose(1, 2))
        whole = torch.cat(parts, 1).transpose(1, 2)
        return self[-1](whole) if relu_last else whole

    def _forgotten(self, x: torch.Tensor) -> torch.Tensor:
        """The backward pass computes this again up to the input of the last layer."""
        for layer in list(self)[: self.forgetful]:
            x = layer(x)
        return x

    def _outputs_and_window(self, frames: int) -> tuple[int, int, int]:
        """Output frames, the input frames that one of them needs, and those between two of them."""
        field = stride = 1
        for kernel, step in self.sizes.values():
            frames = (frames - kernel) // step + 1
            field += (kernel - 1) * stride
            stride *= step
        return frames, field, stride


def _convs(layers: torch.nn.Sequential) -> list[tuple[str, torch.nn.Conv2d]]:
    return [(name, c) for name, c in layers.named_children() if isinstance(c, torch.nn.Conv2d)]


def convolve_in_parts(module: torch.nn.Module) -> None:
    """Let the convolutions of an input layer run in parts, if it has any that can.

    Args:
        module: An input layer of ESPnet.
    """
    for name, child in module.named_children():
        if Conv2dInParts.takes(child):
            parts = Conv2dInParts(OrderedDict(child.named_children()))
            setattr(module, name, parts.train(child.training))
