"""Linear layers for inference on a CPU, with weights packed once.

torch packs the weight of a linear layer into the layout of its kernels at every call, and so in
each loop. The operators used here are those with which ``torch.compile`` packs weights.
"""

from collections.abc import Callable
from functools import partial
from threading import get_ident
from typing import Any
from warnings import catch_warnings, simplefilter

import torch

Tensor = torch.Tensor
#: Layers with fewer weights are not packed: they gain too little.
_FEW_WEIGHTS = 1 << 17
#: From this number of rows (B x T) on, the unpacked weight is as fast or faster: packing it is
#: little work in comparison, and oneDNN would build a kernel for each new number of rows. See
#: benchmarks/kernel_rates.py.
_MANY_ROWS = 100


#: The module of an activation, and oneDNN's names of the activation and of its formula.
_ACTIVATIONS: dict[str, tuple[Callable[[], torch.nn.Module], tuple[str, str]]] = {
    "none": (torch.nn.Identity, ("none", "")),
    "relu": (partial(torch.nn.ReLU, inplace=True), ("relu", "")),
    # The exact one, not tanh's.
    "gelu": (torch.nn.GELU, ("gelu", "none")),
}


class PackedLinear(torch.nn.Module):
    """A linear layer with the weight in oneDNN's own layout, and the activation that follows it.

    The weight is stored twice; inputs of many rows use the unpacked one.

    Args:
        linear: The layer, one that :meth:`supports` accepts.
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
    def supports(linear: torch.nn.Linear) -> bool:
        """Whether the layer can be packed, and is large enough to gain from it."""
        return can_pack(linear) and linear.weight.numel() >= _FEW_WEIGHTS

    def forward(self, x: Tensor) -> Tensor:
        """Args: x (..., in). Returns: (..., out)."""
        if x.numel() < _MANY_ROWS * x.size(-1):
            return self.fused(x)
        return self.activation(torch.nn.functional.linear(x, self.plain, self.bias))

    def fused(self, x: Tensor) -> Tensor:
        """Compute the same with the packed weight, for any number of rows."""
        name, formula = self.fused_activation
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, name, [], formula)


def packed(linear: torch.nn.Linear, activation: str = "none") -> torch.nn.Module:
    """Pack a layer and the activation that follows it, if it is large enough to gain from it.

    Args:
        linear: The layer.
        activation: "none", "relu" or "gelu".
    """
    if PackedLinear.supports(linear):
        return PackedLinear(linear, activation)
    if activation == "none":
        return linear
    module, _ = _ACTIVATIONS[activation]
    return torch.nn.Sequential(linear, module())


def can_pack(layer: Any) -> bool:
    """Whether torch was built with oneDNN, and that supports the layer's weight."""
    weight = layer.weight
    return (
        torch.backends.mkldnn.is_available()
        and weight.device.type == "cpu"
        and weight.dtype is torch.float32
    )


class _FusedPart(torch.nn.Module):
    """The place of one of several fused layers: gives its slice of their common output."""

    def __init__(self, fused: "_FusedLinears", place: int) -> None:
        super().__init__()
        self.fused, self.place = fused, place

    def forward(self, x: Tensor) -> Tensor:
        return self.fused(x, self.place)


class _FusedLinears(torch.nn.Module):
    """Computes the outputs of all layers when the first is called, and keeps them for the others.

    They are kept for each thread by itself, so that threads may run one encoder.
    """

    def __init__(self, linear: torch.nn.Module, sizes: list[int]) -> None:
        super().__init__()
        self.linear, self.sizes = linear, sizes
        self._outputs: dict[int, tuple[Tensor, tuple[Tensor, ...]]] = {}

    def forward(self, x: Tensor, place: int) -> Tensor:
        thread = get_ident()
        source, outputs = self._outputs.pop(thread, (None, ()))
        if place == 0 or source is not x:
            outputs = self.linear(x).split(self.sizes, -1)
        if place < len(self.sizes) - 1:
            self._outputs[thread] = x, outputs
        return outputs[place]


def fuse_linears(
    linears: list[torch.nn.Linear], prepare: Callable[[torch.nn.Linear], torch.nn.Module]
) -> list[torch.nn.Module]:
    """Fuse linear layers of the same input into one matrix product.

    Args:
        linears: The layers, in the order in which they are called.
        prepare: Prepares the fused layer, for instance :func:`packed`.

    Returns:
        A module in the place of each; calling the first computes the outputs of all.
    """
    weight = torch.cat([linear.weight.detach() for linear in linears])
    fused = torch.nn.Linear(weight.size(1), len(weight), device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        fused.weight.copy_(weight)
        fused.bias.copy_(torch.cat([linear.bias for linear in linears]))
    whole = _FusedLinears(prepare(fused), [linear.out_features for linear in linears])
    return [_FusedPart(whole, place) for place in range(len(linears))]


def quantised(linear: torch.nn.Linear, activation: str = "none") -> Any:
    """Quantise a layer: 8-bit weights, a scale for each output, dynamically quantised inputs.

    torch announces that this will move to another package, torchao, and warns at every use.

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
