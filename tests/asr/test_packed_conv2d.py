"""Convolutions with weights in shape: the same numbers."""

import copy

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import (
    Conv2dSubsampling,
    Conv2dSubsampling6,
    Conv2dSubsampling8,
)

from espnet_recursive.asr.packed_conv2d import (
    PackedConv2dReLU,
    QuantisedConv2dReLU,
    pack_convolutions,
)
from espnet_recursive.asr.packed_linear import can_pack


def error(found, expected):
    return ((found - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("kind", [Conv2dSubsampling, Conv2dSubsampling6, Conv2dSubsampling8])
@pytest.mark.parametrize("batch, frames", [(1, 37), (3, 200), (1, 1250)])
def test_packed(kind, batch, frames):
    if not can_pack(torch.nn.Linear(1, 1)):
        pytest.skip("this torch has no oneDNN")
    torch.manual_seed(0)
    conv = kind(26, 24, 0.0).conv
    packed = copy.deepcopy(conv)
    pack_convolutions(packed)
    for layer, plain in zip(packed[::2], conv[::2], strict=True):
        assert (type(layer) is PackedConv2dReLU) == (plain.kernel_size == (3, 3))
    x = torch.randn(batch, 1, frames, 26)
    with torch.no_grad():
        torch.testing.assert_close(packed(x), conv(x.clone()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@torch.no_grad()
def test_inputs_of_other_bands(precision):
    torch.manual_seed(0)
    conv = Conv2dSubsampling(26, 24, 0.0).conv
    packed = copy.deepcopy(conv)
    pack_convolutions(packed, precision)
    for bands in (26, 80, 26):
        x = torch.randn(1, 1, 100, bands)
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
    pack_convolutions(sequential)
    assert list(sequential) == list(layers)


@pytest.fixture
def eight_bits():
    torch.manual_seed(0)
    conv = Conv2dSubsampling(26, 24, 0.0).conv
    packed = copy.deepcopy(conv)
    pack_convolutions(packed, "int8")
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
    packed = copy.deepcopy(conv)
    pack_convolutions(packed, "int8")
    x = torch.ones(1, 1, 50, 26)
    assert error(packed(x), conv(x.clone())) < 0.01
    assert (packed(0 * x - 10) == conv(0 * x - 10)).all(), "nothing but zeros comes in"


@torch.no_grad()
def test_an_output_without_weights(eight_bits):
    conv, _ = eight_bits
    conv[2].weight[3] = 0
    packed = copy.deepcopy(conv)
    pack_convolutions(packed, "int8")
    x = torch.randn(1, 1, 50, 26)
    torch.testing.assert_close(packed(x)[:, 3], conv(x.clone())[:, 3])
