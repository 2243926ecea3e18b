"""An encoder prepared for inference: work that depends on the weights alone is done once.

Each unique layer of a recursive encoder is prepared once, for all loops.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any
from warnings import warn

import torch
from espnet2.asr.layers.cgmlp import ConvolutionalGatingMLP
from espnet2.legacy.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet2.legacy.nets.pytorch_backend.transformer.positionwise_feed_forward import (
    PositionwiseFeedForward,
)

from espnet_recursive.errors import UserError
from espnet_recursive.recursion.layer_call import call_layer
from espnet_recursive.recursion.loop_invariant import LoopInvariantLinear
from espnet_recursive.recursion.stack import RecursiveStack
from espnet_recursive.speed.conv2d_in_parts import Conv2dInParts, convolve_in_parts
from espnet_recursive.speed.depthwise import ChannelsLastConv1d
from espnet_recursive.speed.packed_linear import fuse_linears, packed, quantised
from espnet_recursive.speed.precision import PRECISIONS

Prepare = Callable[..., torch.nn.Module]


def prepare_for_inference(encoder: torch.nn.Module, precision: str = "float32") -> torch.nn.Module:
    """Make an encoder, recursive or ESPnet's own, faster. It can then be neither trained nor saved.

    The interface does not change, nor does the choice of the depth at inference. "float32" computes
    the same up to rounding. "bfloat16" multiplies in bfloat16; states between layers, norms and
    sums stay in float32. "int8" gives linear layers 8-bit weights and scales of the inputs that
    depend on the whole batch, so encode utterances one by one. It is for CPUs only.

    Linear layers with private weights of loops are not prepared, except in "bfloat16". With
    ``compile: true``, only "bfloat16" remains compiled: the compiler does not accept packed
    weights.

    Args:
        encoder: The encoder, in float32.
        precision: One of PRECISIONS.

    Returns:
        The same encoder, in evaluation mode.

    Raises:
        UserError: If the precision is unknown, or not available for this encoder or device.
    """
    if precision not in PRECISIONS:
        raise UserError(f"encoder_precision={precision!r} is none of {', '.join(PRECISIONS)}")
    device = next(encoder.parameters()).device.type
    if precision == "int8" and device != "cpu":
        raise UserError("encoder_precision=int8 is for CPUs: on a GPU, bfloat16 is the fast one")
    if precision == "bfloat16" and not hasattr(encoder, "encoders"):
        raise UserError(
            f"encoder_precision=bfloat16: the encoder, {type(encoder).__name__}, has no list of "
            "layers named encoders. Use float32."
        )
    encoder.eval()
    for module in encoder.modules():
        if isinstance(module, MultiHeadedAttention):
            module.use_sdpa = True
    if precision == "bfloat16":
        _to_bfloat16(encoder, device)
    else:
        prepare = quantised if precision == "int8" else packed
        if isinstance(stack := getattr(encoder, "encoders", None), RecursiveStack):
            stack.layer_call = call_layer
        private = set(_private_linears(encoder))
        for module in list(encoder.modules()):
            if not private.isdisjoint(module.children()):
                continue
            _prepare_known(module, prepare, fuses_gelu=precision == "float32")
            _prepare_children(module, prepare)
            convolve_in_parts(module)
            for child in module.children():
                if isinstance(child, Conv2dInParts):
                    child.pack(precision)
    if device == "cpu":
        for module in list(encoder.modules()):
            for name, child in module.named_children():
                if ChannelsLastConv1d.supports(child):
                    setattr(module, name, ChannelsLastConv1d(child))
    return encoder


def _prepare_known(module: torch.nn.Module, prepare: Prepare, fuses_gelu: bool) -> None:
    """Fuse layers of ESPnet's modules with each other or with the activation that follows."""
    if isinstance(module, MultiHeadedAttention):
        names = ("linear_q", "linear_k", "linear_v")
        linears = [module.get_submodule(name) for name in names]
        if all(type(linear) is torch.nn.Linear for linear in linears):
            for name, part in zip(names, fuse_linears(linears, prepare), strict=True):
                setattr(module, name, part)
    if isinstance(module, PositionwiseFeedForward):
        if type(module.activation) is torch.nn.ReLU:
            module.w_1, module.activation = prepare(module.w_1, "relu"), torch.nn.Identity()
    if fuses_gelu and isinstance(module, ConvolutionalGatingMLP):
        linear, activation = module.channel_proj1
        if type(activation) is torch.nn.GELU:
            module.channel_proj1 = torch.nn.Sequential(prepare(linear, "gelu"))


def _prepare_children(module: torch.nn.Module, prepare: Prepare) -> None:
    for name, child in module.named_children():
        if type(child) is torch.nn.Linear:
            setattr(module, name, prepare(child))
        elif isinstance(child, LoopInvariantLinear):
            twin = torch.nn.Linear(child.in_features, child.out_features, child.bias is not None)
            twin.load_state_dict(child.state_dict())
            child.compute = prepare(twin)


def _private_linears(encoder: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """Linear layers that have private weights in each loop."""
    stack: Any = getattr(encoder, "encoders", None)
    if not isinstance(stack, RecursiveStack) or stack.private_weights is None:
        return
    for layer, names in zip(stack.recurrent_block, stack.private_weights.names, strict=True):
        for name in names:
            module = layer.get_submodule(name.rpartition(".")[0])
            if isinstance(module, torch.nn.Linear):
                yield module


def _to_bfloat16(encoder: Any, device: str) -> None:
    """Convert the weights to bfloat16 once, so that autocast does not convert them in each loop."""
    if device == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        warn(
            "encoder_precision=bfloat16: this CPU has no instructions for it and will be slow",
            stacklevel=3,
        )
    for module in encoder.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)):
            module.to(torch.bfloat16)
    # Sums with a float32 summand are float32, so the states are from here on.
    first = next(iter(encoder.encoders.children()))
    first.register_forward_pre_hook(_states_in_float32)
    forward = encoder.forward

    @wraps(forward)
    def in_bfloat16(*args: Any, **kwargs: Any) -> Any:
        # Anew for each pass: an autocast keeps what it has to restore, which threads would share.
        with torch.autocast(device, torch.bfloat16):
            return forward(*args, **kwargs)

    encoder.forward = in_bfloat16


def _states_in_float32(layer: torch.nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    xs, *others = inputs
    if isinstance(xs, tuple):
        return ((xs[0].float(), *xs[1:]), *others)
    return (xs.float(), *others)
