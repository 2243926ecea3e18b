"""Floating point operations of encoders, counted by torch without computing anything."""

from collections.abc import Callable, Hashable
from copy import deepcopy
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from espnet_recursive.recursion.layer_call import call_layer
from espnet_recursive.recursion.stack import RecursiveStack

#: Seconds of audio in the utterance that is counted, and frames in each. Attention takes a share
#: that grows with the length.
SECONDS, FRAMES = 30, 100


def flops_per_second(encoder: Any, input_size: int) -> float:
    """Operations of a forward pass for each second of audio, of one utterance of 30 s.

    A multiplication and an addition are two. Activations, norms and other work on single numbers
    are not counted.

    Args:
        encoder: An encoder, recursive or ESPnet's own, that takes features; it is not changed.
        input_size: Dimension of the features, 100 frames a second.
    """
    frames = SECONDS * FRAMES
    twin = deepcopy(encoder).to("meta").eval()
    for module in twin.modules():
        # The products within SDPA are not counted on every device.
        if hasattr(module, "use_sdpa"):
            module.use_sdpa = False
    unique = list(twin.encoders.children())
    if isinstance(twin.encoders, RecursiveStack):
        twin.encoders.layer_call, unique = call_layer, list(twin.encoders.unique_layers)
    # With gradients: a pass without them asks whether anything is padded, which meta cannot say.
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:
        layers = _Layers(counter)
        for layer in unique:
            layers.count_once(layer)
        twin(torch.empty(1, frames, input_size, device="meta"), torch.tensor([frames]))
    return (counter.get_total_flops() + layers.repeated) / SECONDS


class _Layers:
    """Layers of one structure, and inputs of one size, cost the same: they are run once.

    Attributes:
        repeated: The operations of the others, which the counter has not seen.
    """

    def __init__(self, counter: FlopCounterMode) -> None:
        self.repeated = 0
        self._counter = counter
        self._known: dict[Hashable, int] = {}

    def count_once(self, layer: Any) -> None:
        """Have a layer hand on what it takes where another has been counted for it."""
        structure = tuple((n, p.shape) for n, p in layer.named_parameters()), type(layer)
        forward: Callable[..., Any] = layer.forward

        def counted(xs: Any, masks: Any) -> tuple[Any, Any]:
            tensors = xs if isinstance(xs, tuple) else (xs,)
            sizes = tuple((x.shape, hasattr(x, "projections")) for x in tensors)
            key = (structure, sizes)
            if key in self._known:
                self.repeated += self._known[key]
                return xs, masks
            before = self._counter.get_total_flops()
            out = forward(xs, masks)
            self._known[key] = self._counter.get_total_flops() - before
            return out

        layer.forward = counted
