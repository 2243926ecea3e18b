"""Small recursive encoders of every policy and private part, and what tests ask of them."""

from itertools import product

import pytest
import torch

VOCABULARY = 6
SHAPE = (2, 3, 1, 1)
LENGTHS = [48, 35, 60, 26]

POLICIES = {
    "fixed": {},
    "length": {"min_length": 26, "max_length": 60, "min_loops": 1, "max_loops": 4},
    "schedule": {"end": 4, "total": 4},
    "uniform": {"min_loops": 1, "max_loops": 4},
    "lognormal_poisson": {"mean_loops": 2, "max_loops": 5},
}
ATTENTION = {"transformer": "self_attn", "conformer": "self_attn"}
PARTS = {
    "none": {},
    "interctc": {"interctc_loops": [1, 3]},
    "strides": {"loop_strides": [3, 1, 2]},
    "scaled": {"loop_scale": "learned"},
    "add": {"input_injection": "add"},
    "concat": {"input_injection": "concat"},
    "learned": {"loop_embedding": "learned"},
    "sinusoid": {"loop_embedding": "sinusoid"},
    "film": {"loop_film": True},
    "norms": {"loop_norms": True},
    "low_rank": {"loop_adapter_conf": {"target_modules": ["linear_q", "linear_out"], "rank": 2}},
    "diagonal": {
        "loop_adapter_conf": {"target_modules": ["linear_v"], "rank": 0, "diagonal": True}
    },
}


def pairs(firsts, main):
    """Every part with one of the firsts, and every first with one part; others if asked for."""
    for first, part in product(firsts, PARTS):
        marks = [] if first == main or part == "norms" else [pytest.mark.exhaustive]
        yield pytest.param(first, part, marks=marks)


every_policy = pytest.mark.parametrize("policy", POLICIES)
every_part = pytest.mark.parametrize("part", PARTS)
every_policy_and_part = pytest.mark.parametrize(("policy", "part"), pairs(POLICIES, "length"))


def build(arch, policy="fixed", part="none", randomise=True, shape=SHAPE, **conf):
    """A small encoder without dropout, its private parts moved away from their start."""
    n_r, loops, n_p, n_c = shape
    keys = {"recurrent_blocks": n_r, "prelude_blocks": n_p, "coda_blocks": n_c}
    if policy == "fixed":
        keys["num_loops"] = loops
    rates = {"dropout_rate": 0.0, "positional_dropout_rate": 0.0, "attention_dropout_rate": 0.0}
    torch.manual_seed(0)
    encoder = arch.build(
        **{**keys, **rates, **PARTS[part], **conf},
        loop_policy=policy,
        loop_policy_conf=POLICIES[policy],
    ).double()
    if randomise:
        for name, parameter in private(encoder).items():
            torch.nn.init.normal_(parameter, std=0.1)
            assert parameter.abs().sum() > 0, name
    # Its statistics are those of the batch, and so not those of an utterance alone.
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.train = lambda mode, m=module: m
            module.training = False
    return encoder


def private(encoder):
    """The parameters that the same encoder without private parts does not have."""
    return {
        name: parameter
        for name, parameter in encoder.named_parameters()
        if name.startswith(
            (
                "encoders.input_injection",
                "encoders.loop_signals",
                "encoders.private_weights",
                "encoders.loop_pooling",
                "encoders.loop_scale",
            )
        )
    }


def features(lengths=LENGTHS):
    torch.manual_seed(5)
    return torch.randn(len(lengths), max(lengths), 20, dtype=torch.float64), torch.tensor(lengths)


def outputs(result):
    """Output, its lengths and the intermediate states by their positions."""
    out, olens, _ = result
    out, states = out if isinstance(out, tuple) else (out, [])
    return out, olens, dict(states)


def loss_of(out, olens, states):
    """A number to which every frame in the utterances adds with a weight of its own."""
    total = out.new_zeros(())
    for x in (out, *states.values()):
        weights = torch.arange(x.size(1) * x.size(2), dtype=x.dtype).sin().view(x.shape[1:])
        for row, length in zip(x, olens.tolist(), strict=True):
            total = total + (row[:length] * weights[:length]).sum()
    return total


def gradients(encoder):
    return {n: p.grad.clone() for n, p in encoder.named_parameters() if p.grad is not None}
