"""What a recurrent block keeps of the weights of the layers that it comes from."""

import pytest
import torch

from espnet_recursive.convert.differences import differences
from espnet_recursive.convert.to_recursive import Start, to_recursive
from espnet_recursive.recursion.shape import RecursionShape
from tests.convert.models import RECURSION, load

SHAPE = RecursionShape(**RECURSION)


def measured(name, start):
    deep = load(name, num_blocks=8)
    layers = list(deep.model.encoder.encoders.children())
    stack = to_recursive(deep, SHAPE, start).model.encoder.encoders
    return {d.kind: (d.shared, d.with_private) for d in differences(stack, layers)}


def test_of_the_average():
    found = measured("transformer", Start())
    assert list(found) == ["projections", "biases of projections", "layer norms"]
    assert all(0 < shared == private for shared, private in found.values())


def test_by_hand():
    """One layer's weights are 1 and the other's 3: of sqrt(10) the mean 2 is off by sqrt(2)."""
    deep = load("transformer", num_blocks=2)
    layers = list(deep.model.encoder.encoders.children())
    for layer, value in zip(layers, (1.0, 3.0), strict=True):
        for parameter in layer.parameters():
            torch.nn.init.constant_(parameter, value)
    stack = to_recursive(deep, RecursionShape(1, 2, 0, 0), Start()).model.encoder.encoders
    for difference in differences(stack, layers):
        assert difference.shared == pytest.approx(0.2**0.5)


@pytest.mark.parametrize("name", ["conformer", "e_branchformer"])
def test_with_private_parts(name):
    found = measured(name, Start(loop_norms=True, rank=4))
    assert found["layer norms"][1] < 1e-6 < found["layer norms"][0]
    assert 0 < found["projections"][1] < found["projections"][0]
    for kind in ("biases of projections", "convolutions and others"):
        assert found[kind][1] == found[kind][0] > 0
