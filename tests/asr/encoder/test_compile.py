"""Compiled layers in an encoder: one compilation for any loops and lengths, same numbers."""

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from espnet_recursive.recursion.layer_call import CompiledCall
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import build, features, gradients, loss_of, outputs


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def make(name, counter, policy="uniform", part="none", **conf):
    """Encoders that compile and that do not, with the same weights."""
    compiled = build(ARCHITECTURES[name], policy, part, compile=True, **conf).train()
    compiled.encoders.layer_call = CompiledCall(counter)
    plain = build(ARCHITECTURES[name], policy, part, **conf).train()
    assert list(compiled.state_dict()) == list(plain.state_dict())
    return compiled, plain


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("branchformer", "none"),
        pytest.param("transformer", "norms", marks=pytest.mark.exhaustive),
        pytest.param("conformer", "film", marks=pytest.mark.exhaustive),
        pytest.param("e_branchformer", "norms", marks=pytest.mark.exhaustive),
    ],
)
def test_one_compilation_for_training_and_one_for_inference(name, part):
    counter = CompileCounter()
    pair = make(name, counter, part=part, use_sdpa=True, use_flash_attn=False)
    for lengths in ([48, 35, 60], [41, 33, 29], [80, 80]):
        results = [outputs(encoder(*features(lengths))) for encoder in pair]
        torch.testing.assert_close(results[0], results[1])
        for result in results:
            loss_of(*result).backward()
    torch.testing.assert_close(*map(gradients, pair), rtol=1e-4, atol=1e-6)
    assert counter.frame_count == 1
    with torch.no_grad():
        for loops, lengths in ((2, [48, 35]), (7, [61, 40, 33])):
            for encoder in pair:
                encoder.eval().set_depth(num_loops=loops)
            results = [outputs(encoder(*features(lengths))) for encoder in pair]
            torch.testing.assert_close(results[0], results[1])
    assert counter.frame_count == 2


def test_with_checkpoints():
    counter = CompileCounter()
    pair = make("transformer", counter, "schedule", checkpoint_loops=True)
    compilations = []
    for lengths in ([48, 35, 60], [41, 33], [80, 26]):
        for encoder in pair:
            encoder.train()  # the next epoch, which is one loop deeper
            loss_of(*outputs(encoder(*features(lengths)))).backward()
        compilations.append(counter.frame_count)
    torch.testing.assert_close(*map(gradients, pair), rtol=1e-4, atol=1e-6)
    assert int(pair[0].loops_run[0]) == 3
    assert compilations[0] == compilations[-1]


@pytest.mark.exhaustive
def test_the_real_compiler():
    encoder = build(ARCHITECTURES["branchformer"], compile=True).float()
    plain = build(ARCHITECTURES["branchformer"]).float()
    plain.load_state_dict(encoder.state_dict())
    for lengths in ([48, 35], [61, 40]):
        x, n = features(lengths)
        for e in (encoder, plain):
            loss_of(*outputs(e(x.float(), n))).backward()
    assert encoder.encoders.layer_call._works
    torch.testing.assert_close(gradients(encoder), gradients(plain), rtol=1e-3, atol=1e-3)
