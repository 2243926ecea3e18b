"""What a pass through a stack is to do beyond visiting its layers."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import torch

from espnet_recursive.recursion.exit_criterion import CTCHead, ExitRule

Tensor = torch.Tensor
#: (layer, position, frames pooled into one) -> the layer that runs there in its place.
LayerAt = Callable[[torch.nn.Module, int, int], torch.nn.Module]


@dataclass(frozen=True)
class LoopPlan:
    """Instructions for one pass.

    Positions count executed layers from 1, at the largest of `counts`.

    Attributes:
        counts: (B,) int64 on the CPU, the loops that each utterance runs at most.
        exit_rule: When an utterance stops earlier; None for never.
        ctc: The CTC head that the exit rule looks through, on latent states.
        states_after: Positions whose states are kept, and the number under which each is reported.
        states_beyond: Numbers of positions that none of these utterances reaches, at which all of
            them have the state with which they finished.
        condition: Applied to the latent state after some positions, for self-conditioned CTC.
        condition_after: Those positions.
        max_layers: Executed layers at most; None for all.
        layer_at: What runs in the place of each layer; None for the layer itself.
        coda_after: A loop after which the coda runs, too, beside the pass; 0 for none.
    """

    counts: Tensor
    exit_rule: ExitRule | None = None
    ctc: CTCHead | None = None
    states_after: Mapping[int, int] = field(default_factory=dict)
    states_beyond: Collection[int] = ()
    condition: Callable[[Tensor], Tensor] | None = None
    condition_after: Collection[int] = ()
    max_layers: int | None = None
    layer_at: LayerAt | None = None
    coda_after: int = 0
