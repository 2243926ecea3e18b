"""Attention weights for hooks, also under SDPA and flash attention.

ESPnet's trainer plots attention by putting a forward hook on each attention module and reading its
``attn`` afterwards. SDPA and flash attention never compute those weights, so the stock encoders end
the training there. Here a module that is watched, as the trainer does it, outside of gradient
computation, computes them once more, the plain way. Nothing else pays for that.
"""

from typing import Any

import torch

from espnet_recursive.recursion.module_view import view_of
from espnet_recursive.recursion.stack import RecursiveStack

_FUSED = ("use_sdpa", "use_flash_attn")


def record_attention_for_hooks(stack: RecursiveStack) -> None:
    """Have the attention modules of `stack` fill ``attn`` while another forward hook is on them."""
    for module in stack.modules():
        if any(getattr(module, option, False) for option in _FUSED):
            module.register_forward_hook(_compute_weights)


def _compute_weights(module: Any, inputs: tuple[Any, ...], output: Any) -> None:
    others = len(module._forward_hooks) - 1
    if others == 0 or torch.is_grad_enabled():
        return
    plain = {option: False for option in _FUSED if hasattr(module, option)}
    # The weights before dropout, and no number drawn from the random stream.
    modules = {
        name: torch.nn.Identity() if isinstance(child, torch.nn.Dropout) else child
        for name, child in module._modules.items()
    }
    view: Any = view_of(module, _modules=modules, training=False, **plain)
    view.forward(*inputs)
    module.attn = view.attn
