"""The modules that are traced, before anything traces them."""

import pytest
import torch

from espnet_recursive.export.traced import Around, Block, stock_forward, traceable
from tests.export.conftest import ARCHITECTURES, build, features


@pytest.mark.parametrize("name", ARCHITECTURES)
@torch.no_grad()
def test_a_pass_around_and_the_block(name):
    encoder = build(name, (2, 1, 1, 0), loop_film=True)
    inputs = features([48, 35])
    around = Around(encoder)
    with traceable(encoder):
        around(*inputs.values(), torch.tensor(1))
        states, masks, *positions = around.seen
        looped = Block(encoder.encoders)(torch.tensor(0), states, states, masks, *positions)
    expected, lengths, _ = encoder(*inputs.values())
    if hasattr(encoder, "after_norm"):
        looped = encoder.after_norm(looped)
    torch.testing.assert_close(looped, expected)
    assert masks.sum((1, 2)).tolist() == lengths.tolist()


@torch.no_grad()
def test_straight():
    encoder = build("branchformer", (2, 1, 1, 0))
    inputs = features([48, 35]).values()
    with traceable(encoder):
        out, lengths = Around(encoder)(*inputs)
    expected, expected_lengths, _ = encoder(*inputs)
    torch.testing.assert_close(out, expected)
    assert lengths.tolist() == expected_lengths.tolist()


def test_stock_forward():
    architecture = ARCHITECTURES["conformer"]
    for encoder in (architecture.build(), architecture.build_stock(2)):
        assert stock_forward(encoder).__func__ is architecture.stock_cls.forward
