"""Convolutions with weights in shape: the same numbers."""

import copy

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import (
    Conv2dSubsampling,
    Conv2dSubsampling6,
)

from espnet_recursive.speed import packed_conv2d
from espnet_recursive.speed.packed_conv2d import (
    PackedConv2dReLU,
    QuantisedConv2dReLU,
    pack_convolutions,
)
from espnet_recursive.speed.packed_linear import can_pack


def error(found, expected):
    return ((found - expected).norm() / expected.norm()).item()


def pack(conv, precision="float32", frames=100):
    packed = copy.deepcopy(conv)
    pack_convolutions(packed, {"0": frames, "2": (frames - 1) // 2}, precision)
    return packed


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("batch, frames", [(1, 100), (3, 100), (1, 37), (2, 1250)])
@torch.no_grad()
def test_packed(kernel, batch, frames):
    if not can_pack(torch.nn.Linear(1, 1)):
        pytest.skip("this torch has no oneDNN")
    torch.manual_seed(0)
    conv = {3: Conv2dSubsampling, 5: Conv2dSubsampling6}[kernel](26, 24, 0.0).conv
    packed = pack(conv)
    assert {type(layer) for layer in packed[::2]} == {PackedConv2dReLU}
    x = torch.randn(batch, 1, frames, 26)
    torch.testing.assert_close(packed(x), conv(x.clone()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@torch.no_grad()
def test_inputs_of_other_sizes(precision):
    torch.manual_seed(0)
    conv = Conv2dSubsampling(26, 24, 0.0).conv
    packed = pack(conv, precision)
    for batch, frames, bands in ((1, 100, 26), (1, 100, 80), (2, 100, 80), (1, 90, 26)):
        x = torch.randn(batch, 1, frames, bands)
        assert error(packed(x), conv(x.clone())) < (1e-5 if precision == "float32" else 0.03)


@pytest.mark.parametrize(
    "layers",
    [
        (torch.nn.Conv2d(1, 2, 3, padding="same"), torch.nn.ReLU()),
        (torch.nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), torch.nn.ReLU()),
        (torch.nn.Conv2d(1, 2, 3).double(), torch.nn.ReLU()),
        (torch.nn.Conv2d(1, 2, 3), torch.nn.GELU()),
        (torch.nn.Conv1d(1, 2, 3), torch.nn.ReLU()),
        (torch.nn.Conv2d(1, 2, 3),),
    ],
    ids=str,
)
def test_what_is_not_packed(layers):
    sequential = torch.nn.Sequential(*layers)
    pack_convolutions(sequential, {"0": 100})
    assert list(sequential) == list(layers)


@pytest.fixture
def eight_bits():
    torch.manual_seed(0)
    conv = Conv2dSubsampling(26, 24, 0.0).conv
    packed = pack(conv, "int8")
    if not isinstance(packed[2], QuantisedConv2dReLU):
        pytest.skip("this torch has no convolutions of 8 bits")
    return conv, packed


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
@torch.no_grad()
def test_eight_bits(eight_bits, size):
    conv, packed = eight_bits
    # The first one stays as it is: its input has a sign, and there is little to gain.
    assert type(packed[0]) is PackedConv2dReLU
    x = size * torch.randn(2, 1, 200, 26)
    assert 0 < error(packed(x), conv(x.clone())) < 0.03
    assert (packed(x) >= 0).all()


@torch.no_grad()
def test_eight_bits_of_extremes(eight_bits):
    """All inputs and all weights at their largest: sums that 16 bits would not hold."""
    conv, _ = eight_bits
    for parameter in conv.parameters():
        parameter.fill_(0.1)
    packed = pack(conv, "int8")
    x = torch.ones(1, 1, 50, 26)
    assert error(packed(x), conv(x.clone())) < 0.01
    assert (packed(0 * x - 10) == conv(0 * x - 10)).all(), "nothing but zeros comes in"


@torch.no_grad()
def test_an_output_without_weights(eight_bits):
    conv, _ = eight_bits
    conv[2].weight[3] = 0
    packed = pack(conv, "int8")
    x = torch.randn(1, 1, 50, 26)
    torch.testing.assert_close(packed(x)[:, 3], conv(x.clone())[:, 3])


def test_inputs_are_rounded_in_parts(monkeypatch):
    x = torch.rand(2, 8, 30, 5).contiguous(memory_format=torch.channels_last)
    expected = (x / 0.01).round().to(torch.uint8)
    for numbers in (1, 8 * 5 * 2 * 7, 1 << 19):
        monkeypatch.setattr(packed_conv2d, "_AT_A_TIME", numbers)
        assert torch.equal(packed_conv2d._rounded(x, 0.01), expected)
