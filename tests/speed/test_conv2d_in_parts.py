"""Convolutions over parts of the time are those over all of it."""

import copy
from functools import partial

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.transformer import subsampling

from espnet_recursive.speed.conv2d_in_parts import Conv2dInParts
from espnet_recursive.speed.packed_conv2d import PackedConv2dReLU
from espnet_recursive.speed.packed_linear import can_pack

KINDS = {
    "conv2d1": subsampling.Conv2dSubsampling1,
    "conv2d2": subsampling.Conv2dSubsampling2,
    "conv2d": subsampling.Conv2dSubsampling,
    "conv2d6": subsampling.Conv2dSubsampling6,
    "conv2d8": subsampling.Conv2dSubsampling8,
}


def pair(kind, precision=None):
    if precision is not None and not can_pack(torch.nn.Linear(1, 1)):
        pytest.skip("this torch has no oneDNN")
    torch.manual_seed(0)
    conv = KINDS[kind](26, 16, 0.0).conv
    assert Conv2dInParts.supports(conv)
    parts = Conv2dInParts(*copy.deepcopy(conv))
    if precision is not None:
        parts.pack(precision)
    return conv, parts


@pytest.mark.parametrize("precision", [None, "float32"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [1, 3, 20])
@torch.no_grad()
def test_same_as_the_whole(kind, batch, precision):
    conv, parts = pair(kind, precision)
    for frames in (15, 131, 132, 270, 531):
        x = torch.randn(batch, 1, frames, 26)
        found, expected = parts(x), conv(x)
        assert found.shape == expected.shape
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def gradients(conv, x):
    x = x.clone().requires_grad_()
    out = conv(x)
    return out.detach(), *torch.autograd.grad((out * out).sum(), [x, *conv.parameters()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [1, 5])
def test_same_gradients(kind, batch):
    conv, parts = (layers.double() for layers in pair(kind))
    x = torch.randn(batch, 1, 700, 26, dtype=torch.float64)
    torch.testing.assert_close(gradients(parts, x), gradients(conv, x), rtol=1e-10, atol=1e-10)


def test_the_first_output_is_not_kept():
    conv, parts = pair("conv2d")
    x, kept = torch.randn(1, 1, 2000, 26), {}
    for layers in (conv, parts):
        with torch.autograd.graph.saved_tensors_hooks(partial(keep, kept, layers), lambda t: t):
            layers(x)
    first = 16 * 999 * 12
    assert max(kept[conv]) == first
    assert max(kept[parts]) == 16 * 499 * 5
    # The inputs, the output, and the weights of each of eight parts.
    assert sum(kept[parts]) < first


def keep(kept, layers, tensor):
    kept.setdefault(layers, []).append(tensor.numel())
    return tensor


def test_parameters_have_their_names():
    conv, parts = pair("conv2d")
    assert list(conv.state_dict()) == list(parts.state_dict())
    parts.load_state_dict(conv.state_dict())
    assert list(parts[:2].state_dict()) == list(conv[:2].state_dict()), "some of the layers"


def test_a_recorded_pass_is_one_for_any_length():
    conv, parts = pair("conv2d")
    with torch.no_grad():
        recorded = torch.jit.trace(parts, torch.randn(1, 1, 300, 26))
        x = torch.randn(1, 1, 411, 26)
        torch.testing.assert_close(recorded(x), conv(x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_layout_is_that_of_a_whole_part():
    _, parts = pair("conv2d", "float32")
    packed = [layer for layer in parts if type(layer) is PackedConv2dReLU]
    parts(torch.randn(1, 1, 100, 26))  # 24 frames: less than one
    assert not any(layer.packed for layer in packed)
    parts(torch.randn(1, 1, 170, 26))  # 41: one, and the rest
    assert [list(layer.packed[0]) for layer in packed] == [[1, 1, 131, 26], [1, 16, 65, 12]]


@torch.no_grad()
def test_int8():
    conv, parts = pair("conv2d", "int8")
    x = torch.randn(2, 1, 300, 26)
    found, expected = parts(x), conv(x.clone())
    assert 0 < (found - expected).norm() / expected.norm() < 0.03


@torch.no_grad()
def test_memory_does_not_grow_with_the_length():
    _, parts = pair("conv2d")
    sizes = []
    parts[1].register_forward_hook(lambda _, __, out: sizes.append(out.numel()))
    for frames in (400, 4000):
        parts(torch.randn(1, 1, frames, 26))
    assert max(sizes) == 16 * 65 * 12


@pytest.mark.parametrize(
    "layers",
    [
        [torch.nn.Conv2d(1, 2, 3, padding=1)],
        [torch.nn.Conv2d(1, 2, 3, padding="same")],
        [torch.nn.Conv2d(1, 2, 3, dilation=2)],
        [torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)],
        [torch.nn.Conv1d(1, 2, 3), torch.nn.ReLU()],
        [torch.nn.ReLU()],
    ],
    ids=str,
)
def test_what_is_not_taken(layers):
    assert not Conv2dInParts.supports(torch.nn.Sequential(*layers))
    assert not Conv2dInParts.supports(layers[0])
