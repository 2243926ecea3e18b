"""Convolutions of the input layer for inference on a CPU, their weights brought into shape once.

A third of the operations of a 24-layer encoder are in the second convolution of ``conv2d``. Its
output lies with channels last here, which the next one takes as it is.
"""

import torch

from espnet_recursive.asr.packed_linear import can_pack

#: Frames and bands for which oneDNN chooses the layout; it serves other sizes, too. Without any,
#: it chooses for an image of one pixel, which was slower than no packing at all.
_TYPICAL_SIZE = (600, 40)


class PackedConv2dReLU(torch.nn.Module):
    """A convolution in oneDNN's own layout, with the ReLU that follows it.

    Args:
        conv: The convolution, one that :meth:`takes` takes.
    """

    def __init__(self, conv: torch.nn.Conv2d) -> None:
        super().__init__()
        weight = conv.weight.detach()
        self.how = [list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups]
        size = [1, conv.in_channels, *_TYPICAL_SIZE]
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.how, size)
        self.bias = None if conv.bias is None else conv.bias.detach()

    @staticmethod
    def takes(conv: torch.nn.Module, activation: torch.nn.Module) -> bool:
        """Whether they are a convolution, padded with zeros, that torch can pack, and a ReLU."""
        return (
            type(conv) is torch.nn.Conv2d
            and type(activation) is torch.nn.ReLU
            and conv.padding_mode == "zeros"
            and not isinstance(conv.padding, str)
            and can_pack(conv)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T, F). Returns: (B, C', T', F')."""
        convolve = torch.ops.mkldnn._convolution_pointwise
        return convolve(x, self.weight, self.bias, *self.how, "relu", [], "")


def pack_convolutions(layers: torch.nn.Sequential) -> None:
    """Replace each convolution that a ReLU follows."""
    names = list(layers._modules)
    for name, following in zip(names, names[1:], strict=False):
        conv, activation = layers.get_submodule(name), layers.get_submodule(following)
        if PackedConv2dReLU.takes(conv, activation):
            setattr(layers, name, PackedConv2dReLU(conv))
            setattr(layers, following, torch.nn.Identity())
