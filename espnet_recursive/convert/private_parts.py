"""Private parts of a loop, initialised from the layers that the loop replaces."""

from collections.abc import Sequence

import torch

from espnet_recursive.recursion.private_weights import PrivateWeights, key_of


@torch.no_grad()
def fit_private_weights(
    private: PrivateWeights,
    block: Sequence[torch.nn.Module],
    loops: Sequence[Sequence[torch.nn.Module]],
) -> None:
    """Set the private weights to what the loops' layers differ by from the recurrent block.

    Norms in full; projections by the best approximation of their rank, the truncated singular
    value decomposition U S V' with B = U S and A = V'. A is orthonormal, so that the part also
    learns where a layer does not differ.

    Source: S. Bae et al., "Relaxed Recursive Transformers: Effective Parameter Sharing with
    Layer-wise LoRA", ICLR 2025, Section 2.3.

    Args:
        private: Private weights of as many loops, with low-rank parts of scale 1 and no diagonals.
        block: The recurrent block.
        loops: For each loop, the layers that the recurrent block stands for.
    """
    for place, layer in enumerate(block):
        for name in private.names[place]:
            key, shared = key_of(place, name), layer.get_parameter(name)
            own = torch.stack([layers[place].get_parameter(name) for layers in loops])
            if key in private.norm:
                private.norm[key].copy_(own - shared)
            else:
                rank = private.low_rank_a[key].shape[1]
                u, s, vh = torch.linalg.svd(own - shared, full_matrices=False)
                private.low_rank_b[key].copy_(u[:, :, :rank] * s[:, None, :rank])
                private.low_rank_a[key].copy_(vh[:, :rank])


def linear_layers(block: Sequence[torch.nn.Module], rank: int) -> list[str]:
    """Names of the linear layers that all layers of a block have and that have at least that rank.

    Returns:
        Names within a layer, such as ``self_attn.linear_q``, in the layer's order.
    """
    names = [
        [
            name
            for name, module in layer.named_modules()
            if isinstance(module, torch.nn.Linear) and min(module.weight.shape) >= rank
        ]
        for layer in block
    ]
    return [name for name in names[0] if all(name in others for others in names)]
