"""Linear layers with weights in shape: the same numbers."""

import pytest
import torch

from espnet_recursive.speed.packed_linear import (
    PackedLinear,
    can_pack,
    fuse_linears,
    packed,
    quantised,
)

FUNCTIONS = {"none": lambda x: x, "relu": torch.relu, "gelu": torch.nn.functional.gelu}


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return torch.nn.Linear(24, 40)


@pytest.mark.parametrize("shape", [(24,), (7, 24), (2, 7, 24), (2, 70, 24)], ids=str)
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_packed(linear, shape, activation):
    if not can_pack(linear):
        pytest.skip("this torch has no oneDNN")
    x = torch.randn(shape)
    for layer in (linear, torch.nn.Linear(24, 40, bias=False)):
        expected = FUNCTIONS[activation](layer(x))
        packed_layer = PackedLinear(layer, activation)
        for found in (packed_layer(x), packed_layer.fused(x)):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_what_is_not_packed(linear):
    assert not can_pack(torch.nn.Linear(2, 2).double())
    assert not can_pack(torch.nn.Linear(2, 2, device="meta"))
    assert not PackedLinear.supports(linear), "too small to gain"


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("size", [24, 512])
def test_large_layers_are_packed(size, activation):
    layer = torch.nn.Linear(size, size)
    if not can_pack(layer):
        pytest.skip("this torch has no oneDNN")
    found = packed(layer, activation)
    assert (type(found) is PackedLinear) == (size == 512)
    x = torch.randn(3, size)
    expected = FUNCTIONS[activation](layer(x))
    torch.testing.assert_close(found(x), expected, rtol=1e-5, atol=1e-5)


def test_layers_of_the_same_input_are_one(linear):
    linears = [linear, torch.nn.Linear(24, 8), torch.nn.Linear(24, 16)]
    unions = []

    def prepare(union):
        calls = []
        union.register_forward_hook(lambda *_: calls.append(1))
        unions.append((union, calls))
        return union

    parts = fuse_linears(linears, prepare)
    ((union, calls),) = unions
    assert union.out_features == 64
    for _ in range(2):
        x = torch.randn(2, 5, 24)
        for part, layer in zip(parts, linears, strict=True):
            torch.testing.assert_close(part(x), layer(x), rtol=1e-5, atol=1e-5)
    assert len(calls) == 2
    # One that is asked about another input computes.
    x, other = torch.randn(3, 24), torch.randn(3, 24)
    parts[0](x)
    torch.testing.assert_close(parts[2](other), linears[2](other), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", ["none", "relu"])
def test_eight_bits(linear, activation):
    x = torch.randn(50, 24)
    expected = FUNCTIONS[activation](linear(x))
    error = (quantised(linear, activation)(x) - expected).norm() / expected.norm()
    assert error < 0.03
    assert type(linear) is torch.nn.Linear
