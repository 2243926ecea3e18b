"""How a layer of the recurrent block is run: as it is, or compiled."""

import threading
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch._dynamo.exc import TorchDynamoException
from torch.distributed.tensor import DTensor
from torch.func import functional_call

from espnet_recursive.recursion.module_view import view_of, with_weights

Tensor = torch.Tensor
#: A layer -> tensors in the place of some of its weights, by their names in the layer.
WeightsOf = Callable[[torch.nn.Module], Mapping[str, Tensor]]
#: (layer, its private weights or None, xs, masks) -> (xs, masks)
LayerCall = Callable[[torch.nn.Module, WeightsOf | None, Any, Any], tuple[Any, Any]]


def call_layer(
    layer: torch.nn.Module, weights: WeightsOf | None, xs: Any, masks: Any
) -> tuple[Any, Any]:
    """Run a layer.

    With private weights, a copy of the layer runs that has them, so that threads which run the
    same layer in other loops do not meet. They are computed after the layer's forward pre-hooks,
    in which FSDP gathers what they are made of.

    Args:
        layer: The layer.
        weights: What computes the weights of this loop; None for the layer's own.
        xs: (rows, T, D), or with relative positions a tuple of it and their embedding.
        masks: (rows, 1, T) bool, or None.

    Returns:
        As the layer does, xs and masks.
    """
    if weights is None:
        return layer(xs, masks)
    # Were the layer compiled by itself, that would run without the private weights.
    changed = {"forward": partial(_forward, layer, weights), "_compiled_call_impl": None}
    return view_of(layer, **changed)(xs, masks)


def _forward(layer: torch.nn.Module, weights: WeightsOf, xs: Any, masks: Any) -> tuple[Any, Any]:
    return type(layer).forward(with_weights(layer, weights(layer)), xs, masks)


def _call_with(
    layer: torch.nn.Module, weights: Mapping[str, Tensor], xs: Any, masks: Any
) -> tuple[Any, Any]:
    """The function to compile; the compiler knows functional_call, and no copies of modules."""
    return functional_call(layer, dict(weights), (xs, masks)) if weights else layer(xs, masks)


class CompiledCall:
    """:func:`call_layer` through ``torch.compile``: one function for all layers that are alike.

    The layer is compiled, not the loop, so the number of loops does not matter; frames and rows are
    dynamic from the first call on. What there is to compile anew is another mode (training,
    inference), another precision, one row instead of several, and no masks instead of masks.

    A layer that somebody watches through hooks, such as a trainer that plots attention, runs as it
    is: compiled code does not call hooks that came after it. So does one with private weights whose
    own are sharded. Where compiling fails, for want of a C++ compiler for example, there is one
    warning, and everything runs as it is from then on.

    Passes in other threads wait for each other where layers have private weights.

    Args:
        backend: One of torch.compile's.
    """

    def __init__(self, backend: str | Callable[..., Any] = "inductor") -> None:
        self._backend = backend
        self._compiled = torch.compile(_call_with, backend=backend, dynamic=True)
        self._hooks: WeakKeyDictionary[torch.nn.Module, int] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._works = True

    def __call__(
        self, layer: torch.nn.Module, weights: WeightsOf | None, xs: Any, masks: Any
    ) -> tuple[Any, Any]:
        """As :func:`call_layer`."""
        if not self._works or self._is_watched(layer):
            return call_layer(layer, weights, xs, masks)
        if weights is not None and any(isinstance(p, DTensor) for p in layer.parameters()):
            return call_layer(layer, weights, xs, masks)
        try:
            if weights is None:
                return self._compiled(layer, {}, xs, masks)
            own = weights(layer)
            with self._lock:  # functional_call may swap the weights of the layer itself
                return self._compiled(layer, own, xs, masks)
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

    def __reduce__(self) -> tuple[type["CompiledCall"], tuple[Any]]:
        return CompiledCall, (self._backend,)  # compiled code cannot be pickled: compile anew
