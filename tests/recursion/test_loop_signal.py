"""Loop embeddings and FiLM: no-ops at the start, different in every loop afterwards."""

import math

import pytest
import torch

from espnet_recursive.recursion.loop_signal import LOOP_EMBEDDINGS, LoopFiLM

SIGNALS = {**LOOP_EMBEDDINGS, "film": LoopFiLM}


@pytest.fixture(params=SIGNALS)
def signal(request):
    return SIGNALS[request.param](6, 3)


def randomise(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)


def test_starts_as_nothing(signal):
    states = torch.randn(2, 4, 6)
    for loop in range(1, 5):
        assert torch.equal(signal(states, loop), states)


def test_each_loop_has_its_own(signal):
    randomise(signal)
    states = torch.randn(2, 4, 6)
    outputs = [signal(states, loop) for loop in (1, 2, 3)]
    assert not torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[1], outputs[2])


def test_all_parameters_have_a_gradient_after_one_loop(signal):
    """DistributedDataParallel waits for every one of them."""
    signal(torch.randn(2, 4, 6), 1).square().sum().backward()
    assert all(parameter.grad is not None for parameter in signal.parameters())


@pytest.mark.parametrize("name", ["learned", "film"])
def test_loops_beyond_the_last_have_the_last_ones(name):
    signal = SIGNALS[name](6, 3)
    randomise(signal)
    states = torch.randn(2, 4, 6)
    assert torch.equal(signal(states, 9), signal(states, 3))


def test_the_sinusoid_is_that_of_the_universal_transformer():
    signal = SIGNALS["sinusoid"](6, 1)
    torch.nn.init.ones_(signal.gain)
    for loop in (1, 2, 50):
        added = signal(torch.zeros(1, 1, 6), loop).flatten().tolist()
        for j in range(3):
            angle = loop / 10000 ** (2 * j / 6)
            assert added[2 * j : 2 * j + 2] == pytest.approx(
                [math.sin(angle), math.cos(angle)], abs=1e-6
            )


def test_film_scales_and_shifts():
    film = LoopFiLM(6, 2)
    randomise(film)
    states = torch.randn(2, 4, 6)
    expected = states * (1 + film.scale[1]) + film.shift[1]
    assert torch.equal(film(states, 2), expected)
