"""What each loop keeps of the layers that it stands for."""

import pytest
import torch

from espnet_recursive.convert.private_parts import fit_private_weights, linear_layers
from espnet_recursive.recursion.private_weights import AdapterConf, PrivateWeights, key_of

PLACES, LOOPS = 2, 3


class Layer(torch.nn.Module):
    """Two projections between norms, and one to a single number."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(6)
        torch.nn.init.normal_(self.norm.weight)
        self.w_1 = torch.nn.Linear(6, 8)
        self.w_2 = torch.nn.Linear(8, 6)
        self.pooling = torch.nn.Linear(6, 1)


@pytest.fixture
def block():
    torch.manual_seed(0)
    return [Layer() for _ in range(PLACES)]


@pytest.fixture
def loops(block):
    return [[Layer() for _ in range(PLACES)] for _ in range(LOOPS)]


def fitted(block, loops, rank, targets=("w_1", "w_2"), norms=True):
    private = PrivateWeights(block, LOOPS, norms, AdapterConf(targets, rank))
    fit_private_weights(private, block, loops)
    return private


def test_at_full_rank_each_loop_has_its_layers(block, loops):
    private = fitted(block, loops, rank=6)
    for loop, layers in enumerate(loops, 1):
        for place, layer in enumerate(layers):
            own = private.weights(block[place], place, loop)
            assert set(own) == {"norm.weight", "norm.bias", "w_1.weight", "w_2.weight"}
            for name, weight in own.items():
                torch.testing.assert_close(weight, layer.get_parameter(name))


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_a_lower_rank_is_the_best_of_its_rank(block, loops, rank):
    """What is left over has the remaining singular values (Eckart and Young)."""
    private = fitted(block, loops, rank)
    for loop, layers in enumerate(loops, 1):
        own = private.weights(block[0], 0, loop)["w_1.weight"]
        values = torch.linalg.svdvals(layers[0].w_1.weight - block[0].w_1.weight)
        left = (layers[0].w_1.weight - own).square().sum()
        torch.testing.assert_close(left, values[rank:].square().sum())


def test_loops_that_do_not_differ_have_nothing_but_can_learn(block):
    private = fitted(block, [block] * LOOPS, rank=2)
    for place, layer in enumerate(block):
        for name, weight in private.weights(layer, place, 1).items():
            assert torch.equal(weight, layer.get_parameter(name))
    weight = private.weights(block[0], 0, 2)["w_1.weight"]
    (weight * torch.randn_like(weight)).sum().backward()
    assert private.low_rank_b[key_of(0, "w_1.weight")].grad[1].abs().sum() > 0


def test_which_linear_layers_have_a_rank(block):
    assert linear_layers(block, 1) == ["w_1", "w_2", "pooling"]
    assert linear_layers(block, 2) == ["w_1", "w_2"]
    assert linear_layers(block, 7) == []
    block[1].w_2 = torch.nn.Identity()
    assert linear_layers(block, 2) == ["w_1"]
