"""Which layers project positions: what is the same in all loops of an encoder of ESPnet."""

import torch
from espnet2.legacy.nets.pytorch_backend.transformer.attention import (
    LegacyRelPositionMultiHeadedAttention,
    RelPositionMultiHeadedAttention,
)

from espnet_recursive.recursion.loop_invariant import make_invariant
from espnet_recursive.recursion.stack import RecursiveStack

_RELATIVE = (LegacyRelPositionMultiHeadedAttention, RelPositionMultiHeadedAttention)


def know_positions(stack: RecursiveStack) -> None:
    """Let the recurrent block project relative positions once a pass, not once a loop.

    Both attentions apply ``linear_pos`` to the embedding of the positions and to nothing else.
    """
    for layer in stack.recurrent_block:
        for module in layer.modules():
            linear = getattr(module, "linear_pos", None)
            if isinstance(module, _RELATIVE) and type(linear) is torch.nn.Linear:
                make_invariant(linear)
