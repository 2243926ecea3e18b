"""Pooling over time, by hand on small numbers."""

import pytest
import torch

from espnet_recursive.recursion.loop_strides import (
    FULL_RATE,
    LoopPooling,
    Rate,
    pooled_masks,
    spread,
    strided_positions,
)


def states(*numbers):
    return torch.tensor(numbers, dtype=torch.float64).view(1, -1, 1).expand(1, -1, 2)


def test_the_start_is_the_mean_and_the_last_group_may_be_short():
    pooling = LoopPooling([1, 3, 2]).double()
    assert [pooling.stride(loop) for loop in (1, 2, 3, 4, 99)] == [1, 3, 2, 2, 2]
    assert str(pooling) == "LoopPooling(strides=[1, 3, 2])"
    x = states(1, 2, 6, 4, 8)
    assert torch.equal(pooling(x, 1, None), x)
    assert torch.allclose(pooling(x, 2, None), states(3, 6))
    assert torch.allclose(pooling(x, 7, None), states(1.5, 5, 8))


def test_padding_has_no_weight():
    pooling, x = LoopPooling([2]).double(), states(1, 3, 5, 99, 98, 97)
    masks = torch.tensor([[[True, True, True, False, False, False]]])
    assert torch.allclose(pooling(x, 1, masks), states(2, 5, 0))
    assert pooled_masks(masks, 2).tolist() == [[[True, True, False]]]
    assert pooled_masks(masks, 4).tolist() == [[[True, False]]]
    assert pooled_masks(masks, 1) is masks and pooled_masks(None, 3) is None


def test_biases_weigh():
    pooling = LoopPooling([2]).double()
    pooling.bias.data[0] = torch.tensor([0.0, 3.0]).log1p()  # 1 and 4
    assert torch.allclose(pooling(states(5, 10, 7), 1, None), states(9, 7))
    pooling(states(5, 10), 1, None).sum().backward()
    assert pooling.bias.grad.abs().sum() > 0


@pytest.mark.parametrize("frames", [1, 2, 5, 6])
def test_only_the_change_is_spread(frames):
    x = torch.randn(3, frames, 4, dtype=torch.float64)
    pooling = LoopPooling([4]).double()
    rate = Rate(4, lambda states: pooling(states, 1, None))
    begin = rate.down(x)
    assert torch.equal(rate.up(x, begin, begin), x)
    moved = rate.up(x, begin, begin + 1)
    torch.testing.assert_close(moved, x + 1)
    torch.testing.assert_close(rate.down(moved), begin + 1)
    assert FULL_RATE.down(x) is x and FULL_RATE.up(begin, begin, x) is x


def test_spread():
    assert torch.equal(spread(states(1, 2, 3), states(10, 20), 2), states(11, 12, 23))


@pytest.mark.parametrize(
    ("stride", "offsets"), [(1, [4, 3, 2, 1, 0, -1, -2, -3, -4]), (2, [4, 2, 0, -2, -4]),
                            (3, [3, 0, -3]), (4, [4, 0, -4]), (5, [0])],
)  # fmt: skip
def test_positions_keep_their_distance(stride, offsets):
    """Of five frames: those of the latest attention, both ways, and of the legacy one."""
    latest = torch.arange(4, -5, -1.0).view(1, -1, 1)
    latest.projections = [10 * latest, -latest]
    found = strided_positions(latest, 5, stride)
    assert found.flatten().tolist() == offsets
    assert [p.flatten().tolist() for p in found.projections] == [
        [10 * offset for offset in offsets], [-offset for offset in offsets]
    ]  # fmt: skip
    legacy = strided_positions(latest[:, :5], 5, stride)
    assert legacy.flatten().tolist() == offsets[: len(offsets) // 2 + 1]
    assert not hasattr(legacy, "projections") or stride == 1


def test_one_frame():
    one = torch.zeros(1, 1, 3)
    assert strided_positions(one, 1, 4).shape == (1, 1, 3)
    assert torch.equal(LoopPooling([4])(one, 1, None), one)
