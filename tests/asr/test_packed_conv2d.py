"""Convolutions with weights in shape: the same numbers."""

import copy

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import (
    Conv2dSubsampling,
    Conv2dSubsampling6,
    Conv2dSubsampling8,
)

from espnet_recursive.asr.packed_conv2d import PackedConv2dReLU, pack_convolutions
from espnet_recursive.asr.packed_linear import can_pack


@pytest.mark.parametrize("kind", [Conv2dSubsampling, Conv2dSubsampling6, Conv2dSubsampling8])
@pytest.mark.parametrize("batch, frames", [(1, 37), (3, 200), (1, 1250)])
def test_packed(kind, batch, frames):
    if not can_pack(torch.nn.Linear(1, 1)):
        pytest.skip("this torch has no oneDNN")
    torch.manual_seed(0)
    conv = kind(26, 24, 0.0).conv
    packed = copy.deepcopy(conv)
    pack_convolutions(packed)
    assert [type(layer) for layer in packed[::2]] == [PackedConv2dReLU] * (len(conv) // 2)
    x = torch.randn(batch, 1, frames, 26)
    with torch.no_grad():
        torch.testing.assert_close(packed(x), conv(x.clone()), rtol=1e-5, atol=1e-5)


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
