"""Which layers of a deep encoder each layer of a recursive one comes from.

Layer n_p + i * n_r + j of the deep encoder is what place j of the recurrent block is in loop i + 1.

Source of the ways to start a recurrent block: S. Bae et al., "Relaxed Recursive Transformers:
Effective Parameter Sharing with Layer-wise LoRA", ICLR 2025, Section 2.2.
"""

from collections.abc import Callable

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.recursion.shape import RecursionShape


def _average(shape: RecursionShape, pick_loop: int) -> list[list[int]]:
    """Each layer of the block from all of its executions."""
    return [[_layer(shape, loop, j) for loop in _loops(shape)] for j in _places(shape)]


def _pick(shape: RecursionShape, pick_loop: int) -> list[list[int]]:
    """Each layer of the block from its execution in one loop."""
    return [[_layer(shape, pick_loop, j)] for j in _places(shape)]


def _stepwise(shape: RecursionShape, pick_loop: int) -> list[list[int]]:
    """Layers at even steps through the middle, its first and last among them."""
    middle = shape.num_loops * shape.recurrent_blocks
    steps = np.linspace(0, middle - 1, shape.recurrent_blocks).round().astype(int)
    return [[shape.prelude_blocks + int(step)] for step in steps]


#: The ways to start a recurrent block, by their names.
METHODS: dict[str, Callable[[RecursionShape, int], list[list[int]]]] = {
    "average": _average,
    "pick": _pick,
    "stepwise": _stepwise,
}


def layer_sources(shape: RecursionShape, method: str, pick_loop: int = 1) -> list[list[int]]:
    """The deep layers, from 0, whose mean each unique layer of the recursion is.

    Prelude and coda are the first and the last layers.

    Args:
        shape: {n_r, L, n_p, n_c} of the recursion.
        method: A key of METHODS.
        pick_loop: The loop, from 1, whose layers "pick" takes.

    Raises:
        UserError: If there is no such loop.
    """
    if not 1 <= pick_loop <= shape.num_loops:
        raise UserError(f"--pick_loop {pick_loop}: the loops are 1 to {shape.num_loops}")
    depth = shape.executed_blocks
    prelude = [[layer] for layer in range(shape.prelude_blocks)]
    coda = [[layer] for layer in range(depth - shape.coda_blocks, depth)]
    return prelude + METHODS[method](shape, pick_loop) + coda


def loop_layers(shape: RecursionShape) -> list[list[int]]:
    """For each loop the deep layers, from 0, that the recurrent block replaces."""
    return [[_layer(shape, loop, j) for j in _places(shape)] for loop in _loops(shape)]


def check_depth(shape: RecursionShape, num_layers: int, source: str) -> None:
    """Refuse a tuple that does not execute as many layers as the deep encoder has.

    Raises:
        UserError: Naming the tuples that do.
    """
    if shape.executed_blocks == num_layers:
        return
    possible = ", ".join(map(str, possible_shapes(shape, num_layers)))
    advice = f"Possible tuples: {possible}." if possible else "There is nothing to share."
    raise UserError(
        f"{source} has {num_layers} encoder layers, but {{n_r, L, n_p, n_c}} = {shape} executes "
        f"{shape.executed_blocks}: prelude_blocks + recurrent_blocks * num_loops + coda_blocks "
        f"must be {num_layers}. {advice}"
    )


def possible_shapes(wished: RecursionShape, num_layers: int) -> list[RecursionShape]:
    """Recursions of a depth, with the prelude and coda that were wished for where they go."""
    edges = (wished.prelude_blocks, wished.coda_blocks)
    candidates = (_with_edges(num_layers, *pair) for pair in dict.fromkeys([edges, (1, 1), (0, 0)]))
    return next(filter(None, candidates), [])


def _with_edges(num_layers: int, n_p: int, n_c: int) -> list[RecursionShape]:
    middle = num_layers - n_p - n_c
    return [
        RecursionShape(n_r, middle // n_r, n_p, n_c)
        for n_r in range(1, middle // 2 + 1)
        if middle % n_r == 0
    ]


def _layer(shape: RecursionShape, loop: int, place: int) -> int:
    return shape.end_of_loop(loop - 1) + place


def _loops(shape: RecursionShape) -> range:
    return range(1, shape.num_loops + 1)


def _places(shape: RecursionShape) -> range:
    return range(shape.recurrent_blocks)
