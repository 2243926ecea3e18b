"""Linear layers for inference on a CPU, whose weights are brought into shape once.

torch lays out the weight of a linear layer for its kernels at every call. A layer that loops would
have that done in each loop. The operators are those that ``torch.compile`` uses for the same.
"""

from collections.abc import Callable
from typing import Any
from warnings import catch_warnings, simplefilter

import torch

Tensor = torch.Tensor
#: The operator's name of an activation and of its formula.
_ACTIVATIONS: dict[str, tuple[str, str]] = {"none": ("none", ""), "relu": ("relu", "")}
_ACTIVATIONS["gelu"] = ("gelu", "none")  # the exact one, not tanh's


class PackedLinear(torch.nn.Module):
    """A linear layer in oneDNN's own layout, with the activation that follows it.

    Args:
        linear: The layer, in float32 on the CPU.
        activation: "none", "relu" or "gelu".
    """

    def __init__(self, linear: torch.nn.Linear, activation: str = "none") -> None:
        super().__init__()
        self.activation = activation
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """Args: x (..., in). Returns: (..., out)."""
        name, formula = _ACTIVATIONS[self.activation]
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, name, [], formula)

    def extra_repr(self) -> str:
        return f"activation={self.activation}"


def can_pack(layer: Any) -> bool:
    """Whether torch was built with oneDNN, and the layer's weight is one that it takes."""
    weight = layer.weight
    return (
        torch.backends.mkldnn.is_available()
        and weight.device.type == "cpu"
        and weight.dtype is torch.float32
    )


class _Part(torch.nn.Module):
    """One of several layers of the same input that are computed together, by the first of them."""

    def __init__(self, together: "_Together", place: int) -> None:
        super().__init__()
        self.together, self.place = together, place

    def forward(self, x: Tensor) -> Tensor:
        return self.together(x, self.place)


class _Together(torch.nn.Module):
    def __init__(self, linear: torch.nn.Module, sizes: list[int]) -> None:
        super().__init__()
        self.linear, self.sizes = linear, sizes
        self._input: Tensor | None = None
        self._outputs: tuple[Tensor, ...] = ()

    def forward(self, x: Tensor, place: int) -> Tensor:
        if place == 0 or self._input is not x:
            self._input, self._outputs = x, self.linear(x).split(self.sizes, -1)
        out = self._outputs[place]
        if place == len(self.sizes) - 1:
            self._input, self._outputs = None, ()
        return out


def together(
    linears: list[torch.nn.Linear], prepare: Callable[[torch.nn.Linear], torch.nn.Module]
) -> list[torch.nn.Module]:
    """Layers of the same input as one matrix product, which the first one computes for all.

    Args:
        linears: The layers, called in this order.
        prepare: What is done to their union.

    Returns:
        A module in the place of each.
    """
    weight = torch.cat([linear.weight.detach() for linear in linears])
    union = torch.nn.Linear(weight.size(1), len(weight), device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        union.weight.copy_(weight)
        union.bias.copy_(torch.cat([linear.bias for linear in linears]))
    whole = _Together(prepare(union), [linear.out_features for linear in linears])
    return [_Part(whole, place) for place in range(len(linears))]


def quantised(linear: torch.nn.Linear) -> Any:
    """The layer with weights of 8 bits, a scale for each output, and inputs quantised as they come.

    torch announces that this moves to another package, torchao, and warns at every use.
    """
    quantization = torch.ao.quantization
    with catch_warnings():
        simplefilter("ignore")
        holder = quantization.quantize_dynamic(
            torch.nn.Sequential(linear),
            {"0": quantization.per_channel_dynamic_qconfig},
            dtype=torch.qint8,
        )
    return holder[0]
