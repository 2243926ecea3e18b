"""Differences between a recurrent block and the layers of the deep encoder that it replaces."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from espnet_recursive.convert.layer_sources import loop_layers
from espnet_recursive.convert.to_stock import executed_layers
from espnet_recursive.recursion.stack import RecursiveStack

Layers = Sequence[torch.nn.Module]


@dataclass(frozen=True)
class Difference:
    """Of one kind of weights in the middle layers: ||deep - recursive|| / ||deep||.

    Attributes:
        kind: What weights these are.
        shared: With the weights that all loops share.
        with_private: With what each loop has of its own on top; `shared` where that is nothing.
    """

    kind: str
    shared: float
    with_private: float


@torch.no_grad()
def differences(stack: RecursiveStack, layers: Layers) -> list[Difference]:
    """Compare a stack with the layers of the deep encoder that it comes from.

    Args:
        stack: The stack.
        layers: All layers of the deep encoder, as many as the stack executes.
    """
    states = list(executed_layers(stack, stack.shape.num_loops))
    sums: dict[str, torch.Tensor] = {}
    for loop in loop_layers(stack.shape):
        for shared, i in zip(stack.recurrent_block, loop, strict=True):
            kinds = _kinds(layers[i])
            for name, deep in layers[i].named_parameters():
                all_three = (deep, deep - shared.get_parameter(name), deep - states[i][name])
                squares = torch.stack([part.double().square().sum() for part in all_three])
                sums[kinds[name]] = sums.get(kinds[name], torch.zeros(3)) + squares
    return [
        Difference(kind, *(squares[1:] / squares[0].clamp_min(1e-30)).sqrt().tolist())
        for kind, squares in sums.items()
    ]


def _kinds(layer: torch.nn.Module) -> dict[str, str]:
    kinds = {}
    for module_name, module in layer.named_modules():
        for name, _ in module.named_parameters(prefix=module_name, recurse=False):
            if isinstance(module, torch.nn.LayerNorm):
                kinds[name] = "layer norms"
            elif isinstance(module, torch.nn.Linear):
                kinds[name] = "biases of projections" if name.endswith("bias") else "projections"
            else:
                kinds[name] = "convolutions and others"
    return kinds
