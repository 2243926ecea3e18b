"""Values that are the same in all loops of a pass, and where they are found."""

import copy
import gc
import weakref

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
    make_invariant(layer, 0)
    return layer


def test_it_stays_the_layer_that_it_was(linear):
    assert isinstance(linear, LoopInvariantLinear)
    assert list(linear.state_dict()) == ["weight"]
    x = torch.randn(2, 4)
    assert torch.equal(linear(x), torch.nn.functional.linear(x, linear.weight))
    assert torch.equal(copy.deepcopy(linear)(x), linear(x))


def test_projections_travel_with_the_positions_of_a_layer(linear):
    x = torch.randn(1, 5, 4)
    block = torch.nn.ModuleList([torch.nn.Sequential(linear), torch.nn.Linear(4, 4)])
    (carrier,), (other,) = LoopInvariants(block, [x], None).positions
    assert torch.equal(carrier, x) and not hasattr(x, "projections")
    assert linear(carrier) is linear(carrier)
    assert torch.equal(linear(carrier), linear(x)) and linear(x) is not linear(x)
    assert not hasattr(other, "projections"), "that layer projects nothing"


def test_what_is_prepared_computes_the_projections(linear):
    linear.compute = torch.nn.Linear(4, 3)
    x = torch.randn(1, 5, 4)
    ((carrier,),) = LoopInvariants([torch.nn.Sequential(linear)], [x], None).positions
    torch.testing.assert_close(linear(carrier), linear.compute(x))


def test_two_in_one_layer():
    linears = [torch.nn.Linear(4, 3) for _ in range(2)]
    for slot, one in enumerate(linears):
        make_invariant(one, slot)
    x = torch.randn(1, 5, 4)
    ((carrier,),) = LoopInvariants([torch.nn.Sequential(*linears)], [x], None).positions
    for one in linears:
        assert torch.equal(one(carrier), torch.nn.functional.linear(x, one.weight, one.bias))


def test_the_gradient_is_the_sum_over_loops(linear):
    x = torch.randn(1, 5, 4)
    ((carrier,),) = LoopInvariants([torch.nn.Sequential(linear)], [x], None).positions
    sum((linear(carrier) * loop).sum() for loop in (1, 2, 3)).backward()
    shared = linear.weight.grad.clone()
    linear.weight.grad = None
    sum((linear(x) * loop).sum() for loop in (1, 2, 3)).backward()
    torch.testing.assert_close(shared, linear.weight.grad)


def test_nothing_is_held_when_the_pass_is_over(linear):
    """Autograd holds its inputs, and a tensor its attributes: no circle may come of that."""
    x = torch.randn(1, 5, 4)
    gc.disable()
    try:
        ((carrier,),) = LoopInvariants([torch.nn.Sequential(linear)], [x], None).positions
        out = weakref.ref(linear(carrier))
        assert out() is not None
        del carrier
        assert out() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("last", [True, False])
def test_masks_that_mask_nothing_are_left_out_at_inference(last):
    masks = torch.ones(2, 1, 5, dtype=torch.bool)
    masks[1, 0, 4] = last
    seen = []
    for enabled in (False, True):
        with torch.set_grad_enabled(enabled):
            seen.append(LoopInvariants([], [], masks).masks)
    assert seen[0] is (None if last else masks)
    assert seen[1] is masks


def test_no_masks_stay_none():
    assert LoopInvariants([], [], None).masks is None
