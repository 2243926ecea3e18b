"""An encoder, and the CTC head behind it, as one ONNX model."""

from typing import Any

import onnx
import torch

from espnet_recursive.export.graphs import (
    BLOCK_INPUTS,
    DOMAIN,
    checked,
    join,
    make_constant,
    trace,
)
from espnet_recursive.export.metadata import shortest_input
from espnet_recursive.export.traced import Around, Block, traceable
from espnet_recursive.recursion.stack import RecursiveStack

#: Utterances and frames of the input that is traced; the graph holds for any.
_TRACED = (2, 67)
_AXES = {
    "features": {0: "batch", 1: "frames"},
    "lengths": {0: "batch"},
    "encoder_out": {0: "batch", 1: "encoder_frames"},
    "encoder_out_lens": {0: "batch"},
    "ctc_log_probs": {0: "batch", 1: "encoder_frames"},
}
_BLOCK_AXES = {
    "states": {0: "batch", 1: "encoder_frames"},
    "injected": {0: "batch", 1: "encoder_frames"},
    "masks": {0: "batch", 2: "encoder_frames"},
    "positions": {1: "positions"},
    "looped": {0: "batch", 1: "encoder_frames"},
}


def encoder_graph(
    encoder: Any,
    input_size: int,
    ctc: Any = None,
    num_loops: int | None = None,
    loops_as_input: bool = False,
) -> onnx.ModelProto:
    """Make the ONNX model of an encoder in evaluation mode.

    Its inputs are features (B, T, F) float32, lengths (B,) int64, and where it is asked for
    num_loops () int64; its outputs encoder_out (B, T', D), encoder_out_lens (B,),
    and with CTC ctc_log_probs (B, T', V).

    Args:
        encoder: One of this package, or the ESPnet encoder below one.
        input_size: F.
        ctc: ESPnet's CTC module; None for no such output.
        num_loops: L of a recursive encoder; None for what is configured.
        loops_as_input: Whether L is an input; a constant of the file otherwise.
    """
    stack = encoder.encoders
    recursive = isinstance(stack, RecursiveStack)
    configured = stack.shape.num_loops if recursive else 1
    loops = num_loops or configured
    straight = configured == loops == 1 and not loops_as_input
    loops_in_graph = recursive and not (straight and not stack.has_private_parts)
    around = Around(encoder, ctc, shortest_input(encoder)).eval()
    batch, frames = _TRACED
    inputs = {
        "features": torch.zeros(batch, frames, input_size),
        "lengths": torch.tensor([frames, frames - frames // 3]),
    }
    if loops_in_graph:
        inputs["num_loops"] = torch.tensor(loops)
    outputs = ["encoder_out", "encoder_out_lens", *(["ctc_log_probs"] if ctc is not None else [])]
    with traceable(encoder):
        around(*inputs.values())  # what the block takes is seen in a pass that is not traced
        seen = around.seen
        axes = {name: _AXES[name] for name in (*inputs, *outputs) if name in _AXES}
        opsets = {DOMAIN: 1} if loops_in_graph else None
        model = trace(around, inputs, outputs, axes, opsets)
        if loops_in_graph:
            model = join(model, _trace_block(stack, *seen))
            if not loops_as_input:
                make_constant(model, "num_loops", loops)
    return checked(model)


def _trace_block(stack: RecursiveStack, states: Any, *others: Any) -> onnx.ModelProto:
    arguments = (torch.tensor(0), states, states, *others)
    inputs = dict(zip(BLOCK_INPUTS, arguments, strict=False))
    axes = {name: _BLOCK_AXES[name] for name in (*inputs, "looped") if name in _BLOCK_AXES}
    return trace(Block(stack).eval(), inputs, ["looped"], axes)
