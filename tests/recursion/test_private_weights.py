"""Private weights of a loop: exact at the start, the sum of shared and private afterwards."""

import pytest
import torch

from espnet_recursive.recursion.layer_call import call_layer
from espnet_recursive.recursion.private_weights import (
    AdapterConf,
    PrivateLinear,
    PrivateWeights,
    key_of,
)


class Layer(torch.nn.Module):
    """Two projections of different shapes between norms."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(4)
        self.w_1 = torch.nn.Linear(4, 6)
        self.w_2 = torch.nn.Linear(6, 4)
        self.norm2 = torch.nn.LayerNorm(4)

    def forward(self, x, mask):
        return self.norm2(x + self.w_2(self.w_1(self.norm1(x)).relu())), mask


EVERYTHING = AdapterConf(["w_1", "w_2"], rank=2, alpha=6, diagonal=True)


@pytest.fixture
def block():
    torch.manual_seed(0)
    return [Layer(), Layer()]


def call(private, layer, place, loop, x, masks):
    return call_layer(layer, private.in_loop(place, loop), x, masks)


def randomise(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)


def test_starts_bit_for_bit(block):
    private = PrivateWeights(block, 3, norms=True, adapter=EVERYTHING)
    x = torch.randn(2, 5, 4)
    for place, layer in enumerate(block):
        for loop in (1, 2, 3, 4):
            assert torch.equal(call(private, layer, place, loop, x, None)[0], layer(x, None)[0])


def test_runs_as_a_layer_with_the_sums_as_its_weights(block):
    private = PrivateWeights(block, 3, norms=True, adapter=EVERYTHING)
    randomise(private)
    x = torch.randn(2, 5, 4)
    for place, layer in enumerate(block):
        for loop in (1, 2, 3):
            twin = Layer()
            states = {name: w.clone() for name, w in layer.state_dict().items()}
            for name in states:
                key = key_of(place, name)
                if key in private.norm:
                    states[name] += private.norm[key][loop - 1]
                if key in private.low_rank_a:
                    a, b = private.low_rank_a[key][loop - 1], private.low_rank_b[key][loop - 1]
                    states[name] += 6 / 2 * b @ a
                    for i, d in enumerate(private.diagonal[key][loop - 1]):
                        states[name][i, i] += d
            twin.load_state_dict(states)
            out, _ = call(private, layer, place, loop, x, None)
            torch.testing.assert_close(out, twin(x, None)[0])
    assert torch.equal(
        call(private, block[0], 0, 9, x, None)[0], call(private, block[0], 0, 3, x, None)[0]
    )


def test_the_layers_are_left_as_they_were(block):
    private = PrivateWeights(block, 2, norms=True, adapter=EVERYTHING)
    randomise(private)
    before = {name: w.clone() for name, w in block[0].state_dict().items()}
    call(private, block[0], 0, 2, torch.randn(1, 2, 4), None)
    torch.testing.assert_close(block[0].state_dict(), before, rtol=0, atol=0)


def test_gradients_of_shared_and_private_weights(block):
    """After one loop every parameter has one: DistributedDataParallel waits for all of them."""
    private = PrivateWeights(block[:1], 2, norms=True, adapter=EVERYTHING)
    randomise(private)
    call(private, block[0], 0, 1, torch.randn(3, 5, 4), None)[0].square().sum().backward()
    for name, parameter in [*private.named_parameters(), *block[0].named_parameters()]:
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    for name, parameter in private.named_parameters():
        assert not parameter.grad[1].any(), f"{name}: loop 2 was not run"


def test_low_rank_learns_from_the_start(block):
    private = PrivateWeights(block[:1], 2, adapter=AdapterConf(["w_1"], rank=2))
    call(private, block[0], 0, 1, torch.randn(3, 5, 4), None)[0].square().sum().backward()
    (b,) = private.low_rank_b.values()
    assert b.grad[0].abs().sum() > 0


def test_sizes(block):
    def count(norms=False, **adapter):
        conf = AdapterConf(**adapter) if adapter else None
        return sum(p.numel() for p in PrivateWeights(block, 5, norms, conf).parameters())

    assert count(norms=True) == 5 * 2 * 4 * 4
    assert count(target_modules=["w_1"], rank=3) == 5 * 2 * 3 * (4 + 6)
    assert count(target_modules=["w_1", "w_2"], rank=0, diagonal=True) == 5 * 2 * (4 + 4)


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"rank": 2}, "target_modules is missing"),
        ({"target_modules": []}, "target_modules must be a list"),
        ({"target_modules": "w_1"}, "target_modules must be a list"),
        ({"target_modules": ["w_1"], "ranks": 2}, "no key 'ranks'. Did you mean 'rank'"),
        ({"target_modules": ["w_1"], "rank": -1}, "rank must be an integer of 0 or more"),
        ({"target_modules": ["w_1"], "rank": 0}, "rank 0 without diagonal leaves nothing"),
        ({"target_modules": ["w_1"], "diagonal": 1}, "diagonal must be true or false"),
    ],
)
def test_impossible_options(conf, message):
    with pytest.raises(ValueError, match=message):
        AdapterConf.from_conf(conf)


def test_targets_that_are_not_there(block):
    with pytest.raises(ValueError, match=r"ends with 'linear_q'. There are: w_1, w_2"):
        PrivateWeights(block, 2, adapter=AdapterConf(["linear_q"]))
    with pytest.raises(ValueError, match=r"ends with '_1'"):
        PrivateWeights(block, 2, adapter=AdapterConf(["_1"]))
    with pytest.raises(ValueError, match="rank=5 is too much for w_1.weight: 6 x 4"):
        PrivateWeights(block, 2, adapter=AdapterConf(["w_1"], rank=5))


def test_what_replaces_linear_layers_leaves_those_with_private_weights_alone(block):
    private = PrivateWeights(block, 3, adapter=AdapterConf(["w_1"], rank=2))
    randomise(private)
    x = torch.randn(2, 5, 4)
    expected = [call(private, block[0], 0, loop, x, None)[0] for loop in (1, 2, 3)]
    quantised = torch.ao.quantization.quantize_dynamic(block[0], {torch.nn.Linear})
    assert type(quantised.w_1) is PrivateLinear
    assert not isinstance(quantised.w_2, torch.nn.Linear)
    for loop, float_out in zip((1, 2, 3), expected, strict=True):
        out = call(private, quantised, 0, loop, x, None)[0]
        torch.testing.assert_close(out, float_out, rtol=0.1, atol=0.1)
