"""The mean of layers."""

from collections.abc import Sequence

import torch
from torch.nn.modules.batchnorm import _BatchNorm

States = dict[str, torch.Tensor]


def average(layers: Sequence[torch.nn.Module]) -> States:
    """The state dict of a layer that is the mean of others.

    Equal values stay what they are, bit for bit. BatchNorm's statistics become those of what went
    into all of the layers together: the variance is the mean variance and that of the means. What
    counts, such as ``num_batches_tracked``, is the first layer's.

    Args:
        layers: Layers of one kind, with equal names and shapes.
    """
    states = [layer.state_dict() for layer in layers]
    means = {name: _mean([state[name] for state in states]) for name in states[0]}
    for module_name, module in layers[0].named_modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            of_means, of_variances = (f"{module_name}.running_{what}" for what in ("mean", "var"))
            spread = torch.stack([state[of_means].double() for state in states]).var(
                0, correction=0
            )
            means[of_variances] += spread.to(means[of_variances].dtype)
    return means


def _mean(values: Sequence[torch.Tensor]) -> torch.Tensor:
    first = values[0]
    if not first.is_floating_point():
        return first.clone()
    # Differences from the first: they are exactly 0 where all are equal.
    differences = torch.stack([value.double() - first.double() for value in values])
    return (first.double() + differences.mean(0)).to(first.dtype)
