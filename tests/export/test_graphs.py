"""Joining graphs, on a block that can be followed by hand."""

import numpy as np
import onnx
import pytest
import torch

from espnet_recursive.export.graphs import BLOCK_INPUTS, DOMAIN, checked, join, make_constant, trace
from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.traced import Mark


class Around(torch.nn.Module):
    def forward(self, x, masks, num_loops):
        return 10 * Mark.apply(num_loops, x + 1, masks)


class Block(torch.nn.Module):
    """x -> w x + i + h_0 + masks."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, iteration, states, injected, masks):
        return self.weight * states + iteration + injected + masks


def joined() -> onnx.ModelProto:
    x = torch.zeros(2)
    inputs = {"x": x, "masks": x, "num_loops": torch.tensor(1)}
    around = trace(Around(), inputs, ["out"], {}, {DOMAIN: 1})
    block = trace(
        Block(), dict(zip(BLOCK_INPUTS, (torch.tensor(0), x, x, x), strict=False)), ["looped"], {}
    )
    return join(around, block)


@pytest.mark.parametrize("loops", [1, 2, 4])
def test_loops(loops):
    model = joined()
    x, masks = np.array([[1, -2], [0.5, 0.25]], dtype=np.float32)
    inputs = {"x": x, "masks": masks}
    session = open_session(checked(model))
    (out,) = session.run(None, inputs | {"num_loops": np.array(loops)})
    states = x + 1
    for i in range(loops):
        states = np.array([2, 3]) * states + i + (x + 1) + masks
    np.testing.assert_allclose(out, 10 * states)
    if loops == 2:
        make_constant(model, "num_loops", 2)
        np.testing.assert_array_equal(out, open_session(checked(model)).run(None, inputs)[0])


@pytest.mark.parametrize("loops", [0, -1, -7, -(2**40)])
def test_no_loops_are_an_error_of_the_file(loops):
    """Whoever runs it, with or without this package."""
    model = joined()
    x = np.zeros(2, np.float32)
    session = open_session(checked(model))
    with pytest.raises(Exception, match="num_loops_must_be_1_or_more"):
        session.run(None, {"x": x, "masks": x, "num_loops": np.array(loops)})


def test_a_number_of_loops_that_cannot_be_chosen():
    model = joined()
    make_constant(model, "num_loops", 2)
    assert [value.name for value in checked(model).graph.input] == ["x", "masks"]


def test_the_weights_are_those_of_the_outer_graph():
    model = checked(joined())
    (loop,) = (node for node in model.graph.node if node.op_type == "Loop")
    assert not onnx.helper.get_node_attr_value(loop, "body").initializer
    assert [list(t.dims) for t in model.graph.initializer if "weight" in t.name] == [[2]]
    assert [opset.domain for opset in model.opset_import] == [""]
