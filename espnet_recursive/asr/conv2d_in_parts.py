"""Convolutions of the input layer for inference on a CPU, over parts of the time.

At d = 512, the first convolution of ``conv2d`` makes 4 MB of each second of audio. In parts of one
size, these stay in cache, nothing grows with the length, and oneDNN needs kernels for one size.
"""

from typing import Any, TypeGuard

import torch

from espnet_recursive.asr.packed_conv2d import pack_convolutions

#: Output frames (B x T') of a part.
_FRAMES = 32
#: Of an utterance, in large batches: neighbouring parts share some work.
_FEWEST_FRAMES = 4


class Conv2dInParts(torch.nn.Module):
    """Convolutions, and ReLUs after them, that compute a part of the frames at a time.

    Args:
        layers: Those that :meth:`takes` takes. They are packed, for parts of one utterance.
        precision: "float32" or "int8", see :func:`.pack_convolutions`.
    """

    def __init__(self, layers: torch.nn.Sequential, precision: str = "float32") -> None:
        super().__init__()
        convs = [(name, c) for name, c in layers.named_children() if isinstance(c, torch.nn.Conv2d)]
        self.sizes = [(conv.kernel_size[0], conv.stride[0]) for _, conv in convs]
        frames, needed = _FRAMES, {}
        for name, conv in reversed(convs):
            needed[name] = frames = (frames - 1) * conv.stride[0] + conv.kernel_size[0]
        pack_convolutions(layers, needed, precision)
        self.layers = layers

    @staticmethod
    def takes(layers: torch.nn.Module) -> TypeGuard[torch.nn.Sequential]:
        """Whether each frame comes from a window of frames, through convolutions and ReLUs."""
        return (
            type(layers) is torch.nn.Sequential
            and any(isinstance(layer, torch.nn.Conv2d) for layer in layers)
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

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T, F). Returns: (B, C', T', F'), laid out as (B, T', C', F')."""
        frames, field, stride = self._outputs_and_window(x.size(2))
        step = max(_FEWEST_FRAMES, _FRAMES // max(1, x.size(0)))
        if frames <= step:
            return self.layers(x)
        whole: Any = None
        for start in range(0, frames, step):
            stop = min(start + step, frames)
            window = x[:, :, start * stride : (stop - 1) * stride + field]
            part = self.layers(window).transpose(1, 2)
            if whole is None:
                whole = part.new_empty(len(part), frames, *part.shape[2:])
            whole[:, start:stop] = part
        return whole.transpose(1, 2)

    def _outputs_and_window(self, frames: int) -> tuple[int, int, int]:
        """Output frames, the input frames that one of them needs, and those between two of them."""
        field = stride = 1
        for kernel, step in self.sizes:
            frames = (frames - kernel) // step + 1
            field += (kernel - 1) * stride
            stride *= step
        return frames, field, stride
