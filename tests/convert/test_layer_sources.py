"""Which deep layers become which."""

import pytest

from espnet_recursive.convert.layer_sources import (
    METHODS,
    check_depth,
    layer_sources,
    loop_layers,
    possible_shapes,
)
from espnet_recursive.errors import UserError
from espnet_recursive.recursion.shape import RecursionShape
from tests.asr.encoder.conftest import execution_order

#: {3, 4, 2, 1}: layers 0, 1; four loops of three; layer 14.
SHAPE = RecursionShape(3, 4, 2, 1)


@pytest.mark.parametrize(
    ("method", "pick_loop", "middle"),
    [
        ("average", 1, [[2, 5, 8, 11], [3, 6, 9, 12], [4, 7, 10, 13]]),
        ("pick", 1, [[2], [3], [4]]),
        ("pick", 4, [[11], [12], [13]]),
        ("stepwise", 1, [[2], [8], [13]]),
    ],
)
def test_methods(method, pick_loop, middle):
    assert layer_sources(SHAPE, method, pick_loop) == [[0], [1], *middle, [14]]


@pytest.mark.parametrize("method", METHODS)
def test_without_recursion_every_layer_is_itself(method):
    assert layer_sources(RecursionShape(5, 1, 0, 0), method) == [[i] for i in range(5)]


def test_a_unique_layer_is_the_mean_of_what_it_is_executed_as():
    order = execution_order((3, 4, 2, 1))
    for layer, source in enumerate(layer_sources(SHAPE, "average")):
        assert source == [i for i, executed in enumerate(order) if executed == layer]
    assert [i for loop in loop_layers(SHAPE) for i in loop] == list(range(2, 14))


@pytest.mark.parametrize("pick_loop", [0, 5])
def test_no_such_loop(pick_loop):
    with pytest.raises(UserError, match=f"--pick_loop {pick_loop}: the loops are 1 to 4"):
        layer_sources(SHAPE, "pick", pick_loop)


def test_a_depth_that_does_not_fit_names_those_that_do():
    check_depth(SHAPE, 15, "exp/asr")
    with pytest.raises(
        UserError,
        match=r"exp/asr has 12 encoder layers, but \{n_r, L, n_p, n_c\} = \{4, 5, 2, 2\} executes "
        r"24: .* must be 12. Possible tuples: \{1, 8, 2, 2\}, \{2, 4, 2, 2\}, \{4, 2, 2, 2\}\.",
    ):
        check_depth(RecursionShape(), 12, "exp/asr")
    with pytest.raises(UserError, match="There is nothing to share"):
        check_depth(RecursionShape(), 1, "exp/asr")


@pytest.mark.parametrize("num_layers", range(2, 25))
def test_what_is_named_fits(num_layers):
    shapes = possible_shapes(RecursionShape(), num_layers)
    assert shapes
    assert all(s.executed_blocks == num_layers and s.num_loops > 1 for s in shapes)
    if num_layers > 5:
        assert {(s.prelude_blocks, s.coda_blocks) for s in shapes} == {(2, 2)}
