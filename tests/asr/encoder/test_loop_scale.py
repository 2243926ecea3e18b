"""Encoders whose recurrent block adds a part of its change; other laws are in test_loops.py."""

import pytest
import torch

from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import SHAPE, build, features, outputs


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_at_a_scale_of_zero_the_block_does_nothing(name):
    arch = ARCHITECTURES[name]
    encoder = build(arch, shape=SHAPE, loop_scale="learned", randomise=False).eval()
    encoder.encoders.loop_scale.scale.data.zero_()
    n_r, _, n_p, n_c = SHAPE
    without = build(arch, shape=(n_p + n_c, 1, 0, 0)).eval()
    weights = {}
    for key, value in encoder.state_dict().items():
        parts = key.split(".")
        if parts[0] == "encoders":
            if not parts[1].isdigit() or n_p <= int(parts[1]) < n_p + n_r:
                continue
            place = int(parts[1])
            parts[1] = str(place if place < n_p else place - n_r)
        weights[".".join(parts)] = value
    without.load_state_dict(weights)
    ours, theirs = (outputs(e(*features()))[0] for e in (encoder, without))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_inverse_bounds_what_loops_add(name):
    """One loop is the plain encoder bit for bit; more loops change the states less than without."""
    arch = ARCHITECTURES[name]
    one, plain = (
        build(arch, shape=(2, 1, 1, 1), loop_scale=scale).eval() for scale in ("inverse", None)
    )
    assert torch.equal(outputs(one(*features()))[0], outputs(plain(*features()))[0])
    change = []
    for scale in ("inverse", None):
        encoder = build(arch, shape=(2, 8, 1, 1), loop_scale=scale, interctc_loops=[1, 8]).eval()
        encoder.normalizes_states = False
        states = outputs(encoder(*features()))[2]
        change.append((states[17] - states[3]).norm())
    assert change[0] < change[1]


@pytest.mark.parametrize("scale", ["inverse", "learned"])
def test_strides_and_scales_go_together(scale):
    encoder = build(
        ARCHITECTURES["transformer"], shape=SHAPE, loop_scale=scale, loop_strides=[2, 2, 1]
    )
    out = outputs(encoder(*features()))[0]
    out.sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())
    assert torch.isfinite(out).all()
