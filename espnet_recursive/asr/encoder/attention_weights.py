"""Attention weights for whoever looks at them, also under SDPA and flash attention.

ESPnet's trainer plots attention by putting a forward hook on each attention module and reading its
``attn`` afterwards. SDPA and flash attention never compute those weights, so the stock encoders end
the training there. Here a module that is watched, as the trainer does it, outside of gradient
computation, computes them once more, the plain way. Nothing else pays for that.
"""

from typing import Any

import torch

from espnet_recursive.recursion.stack import RecursiveStack

_FUSED = ("use_sdpa", "use_flash_attn")


def keep_weights_when_watched(stack: RecursiveStack) -> None:
    """Let every attention module of `stack` fill ``attn`` while another forward hook is on it."""
    for module in stack.modules():
        if any(getattr(module, option, False) for option in _FUSED):
            module.register_forward_hook(_compute_weights)


def _compute_weights(module: torch.nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
    others = len(module._forward_hooks) - 1
    if others == 0 or torch.is_grad_enabled():
        return
    fused = {option: getattr(module, option, False) for option in _FUSED}
    training = module.training
    try:
        for option in fused:
            setattr(module, option, False)
        module.eval()  # the weights before dropout, and no number drawn from the random stream
        module.forward(*inputs)
    finally:
        module.train(training)
        for option, value in fused.items():
            setattr(module, option, value)
