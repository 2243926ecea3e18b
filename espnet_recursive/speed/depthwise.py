"""Depthwise convolutions over time, on states with channels last, without a change of layout.

ESPnet's states have channels last and are transposed for these convolutions. torch's kernel for two
dimensions reads this layout directly; that for one dimension does not.
"""

from typing import Any

import torch


class ChannelsLastConv1d(torch.nn.Module):
    """A depthwise convolution for inference on a CPU.

    Args:
        conv: The convolution, one that :meth:`supports` accepts.
    """

    def __init__(self, conv: Any) -> None:
        super().__init__()
        weight = conv.weight.detach().unsqueeze(-1)
        self.weight = weight.contiguous(memory_format=torch.channels_last)
        self.bias = None if conv.bias is None else conv.bias.detach()
        self.padding, self.groups = (*conv.padding, 0), conv.groups

    @staticmethod
    def supports(module: torch.nn.Module) -> bool:
        """Whether it is a depthwise convolution with stride and dilation 1, padded with zeros."""
        return (
            type(module) is torch.nn.Conv1d
            and module.groups == module.in_channels == module.out_channels > 1
            and (*module.stride, *module.dilation) == (1, 1)
            and module.padding_mode == "zeros"
            and not isinstance(module.padding, str)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T), a transposed (B, T, C). Returns: (B, C, T')."""
        conv = torch.nn.functional.conv2d
        # For any input, so that the kernel does not depend on the layout of x.
        x = x.unsqueeze(-1).contiguous(memory_format=torch.channels_last)
        return conv(x, self.weight, self.bias, padding=self.padding, groups=self.groups).squeeze(-1)
