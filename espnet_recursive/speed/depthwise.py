"""Convolutions over time of each channel alone, on numbers as they lie in memory.

ESPnet has channels last and turns the states around for these convolutions. torch's kernel for two
dimensions takes them as they lie; for one dimension it has none that does.
"""

from typing import Any

import torch


class ChannelsLastConv1d(torch.nn.Module):
    """A depthwise convolution for inference on a CPU.

    Args:
        conv: The convolution, one that :meth:`takes` takes.
    """

    def __init__(self, conv: Any) -> None:
        super().__init__()
        weight = conv.weight.detach().unsqueeze(-1)
        self.weight = weight.contiguous(memory_format=torch.channels_last)
        self.bias = None if conv.bias is None else conv.bias.detach()
        self.padding, self.groups = (*conv.padding, 0), conv.groups

    @staticmethod
    def takes(module: torch.nn.Module) -> bool:
        """Whether it is a depthwise convolution with stride and dilation 1, padded with zeros."""
        return (
            type(module) is torch.nn.Conv1d
            and module.groups == module.in_channels == module.out_channels > 1
            and (*module.stride, *module.dilation) == (1, 1)
            and module.padding_mode == "zeros"
            and not isinstance(module.padding, str)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Args: x (B, C, T), a turned (B, T, C). Returns: (B, C, T')."""
        conv = torch.nn.functional.conv2d
        # Of any input, so that the kernel never depends on how x lies.
        x = x.unsqueeze(-1).contiguous(memory_format=torch.channels_last)
        return conv(x, self.weight, self.bias, padding=self.padding, groups=self.groups).squeeze(-1)
