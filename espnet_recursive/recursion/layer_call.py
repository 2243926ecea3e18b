"""How a layer of the recurrent block is run: as it is, or compiled."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch._dynamo.exc import TorchDynamoException
from torch.func import functional_call

Tensor = torch.Tensor
#: (layer, weights in the place of its own by their names, xs, masks) -> (xs, masks)
LayerCall = Callable[[torch.nn.Module, Mapping[str, Tensor], Any, Any], tuple[Any, Any]]


def call_layer(
    layer: torch.nn.Module, weights: Mapping[str, Tensor], xs: Any, masks: Any
) -> tuple[Any, Any]:
    """Run a layer.

    Args:
        layer: The layer.
        weights: Weights in the place of its own, by their names in the layer.
        xs: (rows, T, D), or with relative positions a tuple of it and their embedding.
        masks: (rows, 1, T) bool, or None.

    Returns:
        As the layer does, xs and masks.
    """
    if not weights:
        return layer(xs, masks)
    return functional_call(layer, dict(weights), (xs, masks))


class CompiledCall:
    """:func:`call_layer` through ``torch.compile``: one function for all layers that are alike.

    The layer is compiled, not the loop, so the number of loops does not matter; frames and rows are
    dynamic from the first call on. What there is to compile anew is another mode (training,
    inference), another precision, one row instead of several, and no masks instead of masks.

    A layer that somebody watches through hooks, such as a trainer that plots attention, runs as it
    is: compiled code does not call hooks that came after it. Where compiling fails, for want of a
    C++ compiler for example, there is one warning, and everything runs as it is from then on.

    Args:
        backend: One of torch.compile's.
    """

    def __init__(self, backend: str | Callable[..., Any] = "inductor") -> None:
        self._compiled = torch.compile(call_layer, backend=backend, dynamic=True)
        self._hooks: WeakKeyDictionary[torch.nn.Module, int] = WeakKeyDictionary()
        self._works = True

    def __call__(
        self, layer: torch.nn.Module, weights: Mapping[str, Tensor], xs: Any, masks: Any
    ) -> tuple[Any, Any]:
        """As :func:`call_layer`."""
        if not self._works or self._is_watched(layer):
            return call_layer(layer, weights, xs, masks)
        try:
            return self._compiled(layer, weights, xs, masks)
        except TorchDynamoException as error:
            self._works = False
            first, *_ = str(getattr(error, "inner_exception", error)).strip().splitlines() or [""]
            warnings.warn(
                "compile: true has no effect, because torch.compile does not work here "
                f"({type(error).__name__}: {first}). Set it to false, or see to what is missing",
                stacklevel=2,
            )
            return call_layer(layer, weights, xs, masks)

    def _is_watched(self, layer: torch.nn.Module) -> bool:
        hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in layer.modules())
        return hooks > self._hooks.setdefault(layer, hooks)

    def __deepcopy__(self, memo: Any) -> "CompiledCall":
        return self  # it holds nothing of a layer
