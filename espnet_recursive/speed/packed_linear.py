"""Linear layers for inference on a CPU, whose weights are brought into shape once.

torch lays out the weight of a linear layer for its kernels at every call. A layer that loops would
have that done in each loop. The operators are those that ``torch.compile`` uses for the same.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from warnings import catch_warnings, simplefilter

import torch

Tensor = torch.Tensor
#: Weights of a layer for which packing is worth it.
_FEW_WEIGHTS = 1 << 17
#: Rows (B x T) from which the weight as it is serves as well or better: laying it out is little
#: work then, and oneDNN would build a kernel for each new number of rows. See kernel_rates.py in
#: benchmarks.
_MANY_ROWS = 100


#: The module of an activation, and oneDNN's name of it and of its formula.
_ACTIVATIONS: dict[str, tuple[Callable[[], torch.nn.Module], tuple[str, str]]] = {
    "none": (torch.nn.Identity, ("none", "")),
    "relu": (partial(torch.nn.ReLU, inplace=True), ("relu", "")),
    # The exact one, not tanh's.
    "gelu": (torch.nn.GELU, ("gelu", "none")),
}


class PackedLinear(torch.nn.Module):
    """A linear layer in oneDNN's own layout, with the activation that follows it.

    The weight is there twice: as it is, it serves inputs of many rows.

    Args:
        linear: The layer, one that :meth:`takes` takes.
        activation: "none", "relu" or "gelu".
    """

    def __init__(self, linear: torch.nn.Linear, activation: str = "none") -> None:
        super().__init__()
        module, self.fused_activation = _ACTIVATIONS[activation]
        self.activation = module()
        self.plain = linear.weight.detach()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(self.plain)
        self.bias = None if linear.bias is None else linear.bias.detach()

    @staticmethod
    def takes(linear: torch.nn.Linear) -> bool:
        """Whether it can be packed, and is large enough to gain."""
        return can_pack(linear) and linear.weight.numel() >= _FEW_WEIGHTS

    def forward(self, x: Tensor) -> Tensor:
        """Args: x (..., in). Returns: (..., out)."""
        if x.numel() < _MANY_ROWS * x.size(-1):
            return self.fused(x)
        return self.activation(torch.nn.functional.linear(x, self.plain, self.bias))

    def fused(self, x: Tensor) -> Tensor:
        """The same by the packed weight, whatever the number of rows."""
        name, formula = self.fused_activation
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, name, [], formula)


def packed(linear: torch.nn.Linear, activation: str = "none") -> torch.nn.Module:
    """The layer and the activation that follows it: packed, if that is worth it.

    Args:
        linear: The layer.
        activation: "none", "relu" or "gelu".
    """
    if PackedLinear.takes(linear):
        return PackedLinear(linear, activation)
    if activation == "none":
        return linear
    module, _ = _ACTIVATIONS[activation]
    return torch.nn.Sequential(linear, module())


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


def quantised(linear: torch.nn.Linear, activation: str = "none") -> Any:
    """The layer with weights of 8 bits, a scale for each output, and inputs quantised as they come.

    torch announces that this moves to another package, torchao, and warns at every use.

    Args:
        linear: The layer.
        activation: "none" or "relu".
    """
    quantization = torch.ao.quantization
    layer: torch.nn.Module = linear
    if activation == "relu":
        layer = torch.ao.nn.intrinsic.LinearReLU(linear, torch.nn.ReLU())
    with catch_warnings():
        simplefilter("ignore")
        holder = quantization.quantize_dynamic(
            torch.nn.Sequential(layer),
            {"0": quantization.per_channel_dynamic_qconfig},
            dtype=torch.qint8,
        )
    return holder[0]
