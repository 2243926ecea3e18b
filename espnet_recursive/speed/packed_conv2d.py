"""Convolutions of the input layer for inference on a CPU, their weights brought into shape once.

A third of the operations of a 24-layer encoder are in the second convolution of ``conv2d``. Its
output lies with channels last here, which the next one takes as it is.
"""

from typing import Any

import torch

from espnet_recursive.speed.packed_linear import can_pack

#: Numbers that are rounded at a time, so that they stay in cache in between: 2 MB of float32.
_AT_A_TIME = 1 << 19


class PackedConv2dReLU(torch.nn.Module):
    """A convolution in oneDNN's own layout, with the ReLU that follows it.

    A layout for other sizes can be many times slower than none: inputs of other lengths have the
    weight as it is, and other batches and bands have it laid out anew.

    Args:
        conv: The convolution, one that :meth:`takes` takes.
        frames: T of the inputs that the layout is for.
    """

    def __init__(self, conv: torch.nn.Conv2d, frames: int) -> None:
        super().__init__()
        self.how: Any = [list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups]
        self.frames = frames
        self.plain = conv.weight.detach()
        self.bias = None if conv.bias is None else conv.bias.detach()
        self.weight, self.size = self.plain, torch.Size()

    @staticmethod
    def takes(conv: Any, activation: torch.nn.Module) -> bool:
        """Whether they are a convolution, padded with zeros if at all, and a ReLU."""
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
        if x.size() != self.size:
            self.size = x.size()
            pack = torch.ops.mkldnn._reorder_convolution_weight
            self.weight = pack(self.plain, *self.how, list(self.size))
        convolve = torch.ops.mkldnn._convolution_pointwise
        return convolve(x, self.weight, self.bias, *self.how, "relu", [], "")


class QuantisedConv2dReLU(torch.nn.Module):
    """The same with weights of 8 bits, a scale for each output, and inputs quantised as they come.

    Inputs have 7 bits, as those of torch's dynamic linear layers: with 8, sums of two products
    overflow on CPUs without VNNI. Their scale is taken from all that is in the input. All lengths
    have the same layout.

    Args:
        conv: The convolution, one that PackedConv2dReLU takes; its inputs must not be negative.
        frames: T of the inputs that the layout is for.
    """

    _LARGEST = 127

    def __init__(self, conv: torch.nn.Conv2d, frames: int) -> None:
        super().__init__()
        weight = conv.weight.detach()
        largest = weight.abs().amax((1, 2, 3)).clamp(min=torch.finfo(weight.dtype).tiny)
        self.frames = frames
        self.scale = largest / self._LARGEST
        self.plain = (weight / self.scale.view(-1, 1, 1, 1)).round().to(torch.int8)
        self.weight, self.bands = self.plain, 0
        self.how = [list(conv.stride), list(conv.padding), list(conv.dilation), conv.groups]
        self.zero_points = torch.zeros(len(weight), dtype=torch.int8)
        self.bias = None if conv.bias is None else conv.bias.detach()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T, F), none below 0. Returns: (B, C', T', F')."""
        if x.size(-1) != self.bands:
            self.bands = x.size(-1)
            size = [1, x.size(1), self.frames, self.bands]
            pack = torch.ops.onednn.qconv_prepack
            self.weight = pack(self.plain, self.scale, 1.0, 0, *self.how, size)
        # amax, because max takes 30 times as long where channels are last.
        scale = max(x.amax().item() / self._LARGEST, torch.finfo(x.dtype).tiny)
        return torch.ops.onednn.qconv2d_pointwise(
            _rounded(x, scale), scale, 0, self.weight, self.scale, self.zero_points, self.bias,
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
    """Replace each convolution that a ReLU follows.

    Args:
        layers: Of which some may be convolutions.
        frames: T of the inputs of each convolution that its layout is for, by its name.
        precision: "float32", or "int8" for those that a ReLU precedes, too.
    """
    # An engine of torch's for 8 bits, with which come the operators.
    eight_bits = precision == "int8" and "onednn" in torch.backends.quantized.supported_engines
    names = list(layers._modules)
    after_relu = False
    for name, following in zip(names, names[1:], strict=False):
        conv: Any = layers.get_submodule(name)
        activation = layers.get_submodule(following)
        if PackedConv2dReLU.takes(conv, activation):
            kind = QuantisedConv2dReLU if after_relu and eight_bits else PackedConv2dReLU
            setattr(layers, name, kind(conv, frames[name]))
            setattr(layers, following, torch.nn.Identity())
            after_relu = True
        elif not isinstance(conv, torch.nn.Identity):
            after_relu = False
