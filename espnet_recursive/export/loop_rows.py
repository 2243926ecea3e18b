"""Private parts of a loop, selected in the graph by the number of the loop.

A traced graph cannot ask Python for the parts of loop i, since i is known when it runs. But a stack
whose private tensors hold one row alone, that of loop i, is a stack of one loop, and its own code
runs loop 1.
"""

import torch

from espnet_recursive.errors import UserError
from espnet_recursive.recursion.loop_signal import (
    LearnedLoopEmbedding,
    LoopFiLM,
    SinusoidLoopEmbedding,
)
from espnet_recursive.recursion.stack import RecursiveStack

_BY_ROWS = (LearnedLoopEmbedding, LoopFiLM)


def check_signals(stack: RecursiveStack) -> None:
    """Refuse loop signals of a kind that is not known here.

    Raises:
        UserError: Naming the kind.
    """
    for signal in stack.loop_signals or ():
        if not isinstance(signal, (*_BY_ROWS, SinusoidLoopEmbedding)):
            raise UserError(f"a loop signal {type(signal).__name__} cannot be exported to ONNX")


def rows_of_loop(stack: RecursiveStack, loop: torch.Tensor) -> dict[str, torch.Tensor]:
    """The private tensors of one loop.

    Args:
        stack: The stack.
        loop: () int64, from 1. Loops beyond those that there are tensors for have those of the
            last.

    Returns:
        Tensors by their names in the stack, with a first dimension of 1 in place of the loops.
    """
    rows: dict[str, torch.Tensor] = {}
    by_rows: dict[str, torch.nn.Module] = {}
    for index, signal in enumerate(stack.loop_signals or ()):
        if isinstance(signal, SinusoidLoopEmbedding):
            rows[f"loop_signals.{index}.frequencies"] = signal.frequencies * loop
        else:
            by_rows[f"loop_signals.{index}"] = signal
    if stack.private_weights is not None:
        by_rows["private_weights"] = stack.private_weights
    if stack.loop_scale is not None:
        by_rows["loop_scale"] = stack.loop_scale
    for prefix, module in by_rows.items():
        for name, tensor in module.named_parameters():
            row = torch.clamp(loop, max=len(tensor)) - 1
            rows[f"{prefix}.{name}"] = tensor.index_select(0, row.reshape(1))
    return rows
