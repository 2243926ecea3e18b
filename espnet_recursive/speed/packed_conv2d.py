"""Convolutions of the input layer for inference on a CPU, with weights packed once.

A third of the operations of a 24-layer encoder are in the second convolution of ``conv2d``. The
outputs have channels last, a layout that the next convolution reads directly.
"""

from typing import Any

import torch

from espnet_recursive.speed.packed_linear import can_pack

#: Numbers that are rounded at a time, so that they stay in the cache: 2 MB of float32.
_AT_A_TIME = 1 << 19


class PackedConv2dReLU(torch.nn.Module):
    """A convolution with the weight in oneDNN's own layout, and the ReLU that follows it.

    A layout made for other input sizes can be many times slower than none. So inputs of other
    lengths use the unpacked weight, and for other batch sizes and bands it is packed anew.

    Args:
        conv: The convolution, one that :meth:`supports` accepts.
        frames: T of the inputs for which the weight is packed.
    """

    def __init__(self, conv: torch.nn.Conv2d, frames: int) -> None:
        super().__init__()
        self.how: Any = [list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups]
        self.frames = frames
        self.plain = conv.weight.detach()
        self.bias = None if conv.bias is None else conv.bias.detach()
        # One attribute, so that other threads never see the size of one and the weight of another.
        self.packed: tuple[torch.Size, torch.Tensor] | None = None

    @staticmethod
    def supports(conv: Any, activation: torch.nn.Module) -> bool:
        """Whether the two are a convolution, padded with zeros if at all, and a ReLU."""
        return (
            type(conv) is torch.nn.Conv2d
            and type(activation) is torch.nn.ReLU
            and conv.padding_mode == "zeros"
            and not isinstance(conv.padding, str)
            and can_pack(conv)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T, F). Returns: (B, C', T', F')."""
        if x.size(2) != self.frames:
            padding, stride, dilation, groups = self.how
            out = torch.conv2d(x, self.plain, self.bias, stride, padding, dilation, groups)
            return out.relu_()
        packed = self.packed
        if packed is None or packed[0] != x.size():
            pack = torch.ops.mkldnn._reorder_convolution_weight
            self.packed = packed = x.size(), pack(self.plain, *self.how, list(x.size()))
        convolve = torch.ops.mkldnn._convolution_pointwise
        return convolve(x, packed[1], self.bias, *self.how, "relu", [], "")


class QuantisedConv2dReLU(torch.nn.Module):
    """The same with 8-bit weights, a scale for each output, and dynamically quantised inputs.

    Inputs have 7 bits, as in torch's dynamic linear layers: with 8, sums of two products overflow
    on CPUs without VNNI. Their scale is computed from the whole input. All lengths use the same
    layout.

    Args:
        conv: The convolution, one that ``PackedConv2dReLU`` supports. Its inputs must not be
            negative.
        frames: T of the inputs for which the weight is packed.
    """

    _LARGEST = 127

    def __init__(self, conv: torch.nn.Conv2d, frames: int) -> None:
        super().__init__()
        weight = conv.weight.detach()
        largest = weight.abs().amax((1, 2, 3)).clamp(min=torch.finfo(weight.dtype).tiny)
        self.frames = frames
        self.scale = largest / self._LARGEST
        self.plain = (weight / self.scale.view(-1, 1, 1, 1)).round().to(torch.int8)
        self.packed: tuple[int, torch.Tensor] | None = None
        self.how = [list(conv.stride), list(conv.padding), list(conv.dilation), conv.groups]
        self.zero_points = torch.zeros(len(weight), dtype=torch.int8)
        self.bias = None if conv.bias is None else conv.bias.detach()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T, F), none below 0. Returns: (B, C', T', F')."""
        packed, bands = self.packed, x.size(-1)
        if packed is None or packed[0] != bands:
            size = [1, x.size(1), self.frames, bands]
            pack = torch.ops.onednn.qconv_prepack
            self.packed = packed = bands, pack(self.plain, self.scale, 1.0, 0, *self.how, size)
        # amax, because max takes 30 times as long where channels are last.
        scale = max(x.amax().item() / self._LARGEST, torch.finfo(x.dtype).tiny)
        return torch.ops.onednn.qconv2d_pointwise(
            _rounded(x, scale), scale, 0, packed[1], self.scale, self.zero_points, self.bias,
            *self.how, 1.0, 0, x.dtype, "relu", [None], "",
        )  # fmt: skip


def _rounded(x: torch.Tensor, scale: float) -> torch.Tensor:
    """x / scale (B, C, T, F), none below 0, to the nearest whole number, in uint8."""
    whole = torch.empty_like(x, dtype=torch.uint8)
    half, frames = x.new_tensor(0.5), max(1, _AT_A_TIME * x.size(2) // x.numel())
    for start in range(0, x.size(2), frames):
        part = slice(start, start + frames)
        whole[:, :, part] = torch.add(half, x[:, :, part], alpha=1 / scale)
    return whole


def pack_convolutions(
    layers: torch.nn.Sequential, frames: dict[str, int], precision: str = "float32"
) -> None:
    """Replace each convolution that is followed by a ReLU by a packed one.

    Args:
        layers: Layers, some of which may be convolutions.
        frames: T of the inputs for which each convolution is packed, by its name.
        precision: "float32"; or "int8", in which convolutions that follow a ReLU are quantised.
    """
    # The engine of torch that has the 8-bit operators.
    eight_bits = precision == "int8" and "onednn" in torch.backends.quantized.supported_engines
    names = list(layers._modules)
    after_relu = False
    for name, following in zip(names, names[1:], strict=False):
        conv: Any = layers.get_submodule(name)
        activation = layers.get_submodule(following)
        if PackedConv2dReLU.supports(conv, activation):
            kind = QuantisedConv2dReLU if after_relu and eight_bits else PackedConv2dReLU
            setattr(layers, name, kind(conv, frames[name]))
            setattr(layers, following, torch.nn.Identity())
            after_relu = True
        elif not isinstance(conv, torch.nn.Identity):
            after_relu = False
