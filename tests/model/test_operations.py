"""Operations, counted and computed by hand."""

import pytest
import torch

from espnet_recursive.model.operations import FRAMES, SECONDS, flops_per_second
from espnet_recursive.registry import ENCODERS, encoder_class

D, UNITS, BANDS = 32, 48, 20


def by_hand(layers):
    """Of a Transformer: input layer, projections, attention, feed-forward layers."""
    frames = SECONDS * FRAMES
    first, bands = (frames - 1) // 2, (BANDS - 1) // 2
    out, out_bands = (first - 1) // 2, (bands - 1) // 2
    convs = first * bands * 9 * D + out * out_bands * 9 * D * D
    linear = out * out_bands * D * D
    layer = out * (4 * D * D + 2 * D * UNITS) + 2 * out * out * D
    return 2 * (convs + linear + layers * layer) / SECONDS


@pytest.mark.parametrize("use_sdpa", [False, True])
def test_a_transformer(use_sdpa):
    cls = encoder_class("latent_recursive_transformer")
    conf = {"output_size": D, "linear_units": UNITS, "attention_heads": 2, "num_loops": 3}
    encoder = cls(BANDS, use_sdpa=use_sdpa, **conf).train()
    assert flops_per_second(encoder, BANDS) == by_hand(2 + 3 * 4 + 2)
    assert encoder.training and next(encoder.parameters()).device.type == "cpu"
    attention = encoder.encoders.recurrent_block[0].self_attn
    assert attention.use_sdpa is use_sdpa, "the encoder is not changed"


@pytest.mark.parametrize("name", ENCODERS)
def test_loops_cost_operations(name):
    conf = {"output_size": 16, "attention_heads": 2}
    one, two, three = (
        flops_per_second(encoder_class(name)(20, num_loops=loops, **conf), 20)
        for loops in (1, 2, 3)
    )
    # Positions are projected once, whatever the number of loops.
    assert 0 < three - two == pytest.approx(two - one, rel=0.2)
    assert torch.get_default_device().type == "cpu"
