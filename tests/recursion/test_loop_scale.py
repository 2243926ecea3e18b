"""Scaled changes, by hand on layers that double what they take."""

import pytest
import torch

from espnet_recursive.recursion.loop_plan import LoopPlan
from espnet_recursive.recursion.loop_scale import LOOP_SCALES, InverseLoopScale, LearnedLoopScale
from espnet_recursive.recursion.recurrence import PlannedPass
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack


class Doubling(torch.nn.Module):
    """2 h, a change of h."""

    def forward(self, xs, masks):
        return 2 * xs, masks


def run(scale, loops, shape=(2, 3, 1, 1)):
    stack = RecursiveStack([Doubling() for _ in range(4)], RecursionShape(*shape), loop_scale=scale)
    xs = torch.ones(1, 5, 2, dtype=torch.float64)
    out = PlannedPass(stack, LoopPlan(torch.tensor([loops])))(xs, None)[0]
    assert (out == out[0, 0, 0]).all()
    return float(out[0, 0, 0].detach())


def test_the_inverse_number_of_loops():
    """Prelude and coda double; a layer of the block adds a third of the states to them."""
    assert run(None, 3) == 2 * 2**6 * 2
    assert run(InverseLoopScale(3), 3) == pytest.approx(2 * (4 / 3) ** 6 * 2)
    # At another depth the scale is that of training.
    assert run(InverseLoopScale(3), 5) == pytest.approx(2 * (4 / 3) ** 10 * 2)
    assert str(InverseLoopScale(3)) == "InverseLoopScale(1 / 3)"


def test_a_learned_scale_of_each_loop():
    scale = LearnedLoopScale(3)
    assert run(scale, 3) == run(None, 3)
    scale.scale.data = torch.tensor([0.5, 1.0, 0.0])
    assert run(scale, 1) == 2 * 1.5**2 * 2
    assert run(scale, 2) == 2 * 1.5**2 * 2**2 * 2
    # Loops beyond have that of the last.
    assert run(scale, 3) == run(scale, 7) == run(scale, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_at_one_it_is_the_layer_bit_for_bit(dtype):
    torch.manual_seed(0)
    before, after = torch.randn(2, 3, 7, 5).to(dtype)
    for scale in (LearnedLoopScale(4), InverseLoopScale(1)):
        assert torch.equal(scale(before, after, 2), after)
    # Under autocast what a layer takes may have another precision than what it returns.
    assert torch.equal(LearnedLoopScale(4)(before.float(), after, 1), after)


def test_the_gradient_of_a_scale_is_the_change():
    scale, before, after = LearnedLoopScale(2), torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    scale(before, after, 2).sum().backward()
    assert scale.scale.grad.tolist() == [0.0, 6.0]


def test_names():
    assert {name: type(make(2)).__name__ for name, make in LOOP_SCALES.items()} == {
        "inverse": "InverseLoopScale",
        "learned": "LearnedLoopScale",
    }
