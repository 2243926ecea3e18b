"""The loop-invariant layers of ESPnet's encoders: those that project relative positions."""

import torch
from espnet2.legacy.nets.pytorch_backend.transformer.attention import (
    LegacyRelPositionMultiHeadedAttention,
    RelPositionMultiHeadedAttention,
)

from espnet_recursive.recursion.loop_invariant import make_invariant
from espnet_recursive.recursion.stack import RecursiveStack

_RELATIVE = (LegacyRelPositionMultiHeadedAttention, RelPositionMultiHeadedAttention)


def cache_position_projections(stack: RecursiveStack) -> None:
    """Have the recurrent block project relative positions once a pass, not once a loop.

    Both attentions apply ``linear_pos`` to the embedding of the positions and to nothing else.
    """
    for layer in stack.recurrent_block:
        linears = [
            module.linear_pos
            for module in layer.modules()
            if isinstance(module, _RELATIVE) and type(module.linear_pos) is torch.nn.Linear
        ]
        for slot, linear in enumerate(linears):
            make_invariant(linear, slot)
