"""Input injection: exact no-ops at the start, the papers' forms afterwards."""

import pytest
import torch

from espnet_recursive.recursion.input_injection import INPUT_INJECTIONS, ConcatInjection


@pytest.mark.parametrize("name", INPUT_INJECTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_starts_as_nothing(name, dtype):
    injection = INPUT_INJECTIONS[name](6).to(dtype)
    states, injected = torch.randn(2, 2, 3, 6, dtype=dtype)
    assert torch.equal(injection(states, injected), states)


@pytest.mark.parametrize("name", INPUT_INJECTIONS)
def test_learns_from_the_start(name):
    injection = INPUT_INJECTIONS[name](6)
    injection(*torch.randn(2, 2, 3, 6)).square().sum().backward()
    for parameter in injection.parameters():
        assert parameter.grad.abs().sum() > 0


def test_add_is_a_gated_sum():
    injection = INPUT_INJECTIONS["add"](6)
    torch.nn.init.ones_(injection.gate)
    states, injected = torch.randn(2, 2, 3, 6)
    assert torch.equal(injection(states, injected), states + injected)


def test_concat_is_huginns_adapter():
    injection = ConcatInjection(6)
    adapter = torch.nn.Linear(12, 6)
    with torch.no_grad():
        injection.adapter.weight.copy_(adapter.weight - torch.eye(6, 12))
        injection.adapter.bias.copy_(adapter.bias)
    states, injected = torch.randn(2, 2, 3, 6)
    expected = adapter(torch.cat([states, injected], -1))
    torch.testing.assert_close(injection(states, injected), expected)


def test_concat_at_512_has_the_size_that_the_paper_rules_out():
    assert sum(p.numel() for p in ConcatInjection(512).parameters()) == 524_800
