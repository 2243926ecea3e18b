"""A linear layer that knows results, and the pass to which they belong."""

import copy

import pytest
import torch

from espnet_recursive.recursion.loop_invariant import (
    LoopInvariantLinear,
    LoopInvariants,
    make_invariant,
)


@pytest.fixture
def linear():
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3, bias=False)
    make_invariant(layer)
    return layer


def test_it_stays_the_layer_that_it_was(linear):
    assert isinstance(linear, LoopInvariantLinear)
    assert list(linear.state_dict()) == ["weight"]
    x = torch.randn(2, 4)
    assert torch.equal(linear(x), torch.nn.functional.linear(x, linear.weight))
    assert torch.equal(copy.deepcopy(linear)(x), linear(x))


def test_a_value_is_known_within_its_layer_alone(linear):
    x, other = torch.randn(1, 5, 4), torch.randn(1, 5, 4)
    pass_ = LoopInvariants([[linear], []])
    pass_.begin([x], None)
    with pass_.in_layer(0):
        first = linear(x)
        assert linear(x) is first
        assert linear(other) is not first
        assert torch.equal(linear(other), torch.nn.functional.linear(other, linear.weight))
    assert linear.known is None and linear(x) is not first
    with pass_.in_layer(1):
        assert linear.known is None
    with pytest.raises(ZeroDivisionError), pass_.in_layer(0):
        _ = 1 / 0
    assert linear.known is None
    pass_.begin([other], None)  # it has begun: nothing is computed again
    with pass_.in_layer(0):
        assert linear(x) is first


def test_the_gradient_is_the_sum_over_loops(linear):
    x = torch.randn(1, 5, 4)
    pass_ = LoopInvariants([[linear]])
    pass_.begin([x], None)
    with pass_.in_layer(0):
        sum((linear(x) * loop).sum() for loop in (1, 2, 3)).backward()
    shared = linear.weight.grad.clone()
    linear.weight.grad = None
    sum((linear(x) * loop).sum() for loop in (1, 2, 3)).backward()
    torch.testing.assert_close(shared, linear.weight.grad)


@pytest.mark.parametrize("last", [True, False])
def test_masks_that_mask_nothing_are_left_out_at_inference(last):
    masks = torch.ones(2, 1, 5, dtype=torch.bool)
    masks[1, 0, 4] = last
    seen = []
    for enabled in (False, True):
        with torch.set_grad_enabled(enabled):
            pass_ = LoopInvariants([[]])
            pass_.begin([], masks)
            seen.append(pass_.masks)
    assert seen[0] is (None if last else masks)
    assert seen[1] is masks


def test_no_masks_stay_none():
    pass_ = LoopInvariants([[]])
    pass_.begin([], None)
    assert pass_.masks is None
