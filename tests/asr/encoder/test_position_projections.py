"""What is the same in all loops is computed once, and nothing else changes."""

import copy

import pytest
import torch

from espnet_recursive.recursion.loop_invariant import LoopInvariantLinear
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import build, features, gradients, loss_of, outputs

RELATIVE = [name for name in ARCHITECTURES if name != "transformer"]
OPTIONS = {
    "latest": {"rel_pos_type": "latest", "pos_enc_layer_type": "rel_pos"},
    "legacy": {"rel_pos_type": "legacy", "pos_enc_layer_type": "rel_pos"},
}
LOW_RANK = {"target_modules": ["linear_pos"], "rank": 2}


@pytest.fixture(params=RELATIVE)
def relative(request):
    return ARCHITECTURES[request.param]


def make(arch, kind="latest", **conf):
    attention = {arch.attention_key: "rel_selfattn"}
    return build(arch, **{**OPTIONS[kind], **attention, **conf}).float()


def projections(encoder):
    return [m for m in encoder.modules() if isinstance(m, LoopInvariantLinear)]


def recomputed(encoder):
    """A twin whose projections know nothing."""
    twin = copy.deepcopy(encoder)
    for linear in projections(twin):
        linear.__class__ = torch.nn.Linear
    return twin


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("by_plan", [False, True])
def test_same_output_and_gradients(relative, kind, by_plan):
    x, lengths = features()
    encoder = make(relative, kind, **({"interctc_loops": [1]} if by_plan else {})).train()
    twin = recomputed(encoder)
    results = [outputs(e(x.float(), lengths)) for e in (encoder, twin)]
    assert torch.equal(results[0][0], results[1][0])
    for result in results:
        loss_of(*result).backward()
    torch.testing.assert_close(gradients(encoder), gradients(twin), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("by_plan", [False, True])
def test_positions_are_projected_once_a_pass(relative, by_plan, monkeypatch):
    encoder = make(relative, **({"interctc_loops": [1]} if by_plan else {}))
    calls = dict.fromkeys(projections(encoder), 0)
    assert len(calls) == 2, "one in each layer of the recurrent block"
    compute = torch.nn.Linear.forward

    def counting(self, x):
        if self in calls:
            calls[self] += 1
        return compute(self, x)

    monkeypatch.setattr(torch.nn.Linear, "forward", counting)
    for passes, length in enumerate((48, 60), 1):
        encoder(torch.randn(1, length, 20), torch.tensor([length]))
        assert set(calls.values()) == {passes}


def test_private_weights_of_a_projection_are_of_their_loop(relative):
    x, lengths = features()
    encoder = make(relative, part="low_rank", loop_adapter_conf=LOW_RANK).train()
    assert set(encoder.encoders.private_weights.low_rank_b)
    twin = recomputed(encoder)
    for e in (encoder, twin):
        loss_of(*outputs(e(x.float(), lengths))).backward()
    torch.testing.assert_close(gradients(encoder), gradients(twin), rtol=1e-4, atol=1e-4)
    assert torch.equal(encoder(x.float(), lengths)[0], twin(x.float(), lengths)[0])


def test_nothing_is_left_behind(relative):
    x, lengths = features()
    encoder = make(relative)
    twin = recomputed(encoder)
    encoder(x.float(), lengths)

    def fail(*_):
        raise RuntimeError("stopped")

    handle = encoder.encoders.recurrent_block[1].register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="stopped"):
        encoder(x.float(), lengths)
    handle.remove()
    assert torch.equal(encoder(x.float(), lengths)[0], twin(x.float(), lengths)[0])


def test_changed_weights_are_seen_by_the_next_pass(relative):
    x, lengths = features()
    encoder = make(relative).eval()
    with torch.no_grad():
        before = encoder(x.float(), lengths)[0]
        for linear in projections(encoder):
            linear.weight.mul_(3)
        after = encoder(x.float(), lengths)[0]
        assert not torch.allclose(before, after)
        assert torch.equal(after, recomputed(encoder)(x.float(), lengths)[0])


def test_espnets_own_checkpointing_goes_on(architectures):
    conf = {"gradient_checkpoint_layers": [2, 4], "use_flash_attn": False}
    arch = architectures["e_branchformer"]
    encoder, twin = make(arch, **conf).train(), make(arch, use_flash_attn=False).train()
    twin.load_state_dict(encoder.state_dict())
    for e in (encoder, twin):
        x, lengths = features()
        torch.manual_seed(1)
        loss_of(*outputs(e(x.float(), lengths))).backward()
    torch.testing.assert_close(gradients(encoder), gradients(twin), rtol=1e-4, atol=1e-4)


# ---- Masks


@pytest.mark.parametrize("use_sdpa", [False, True])
@pytest.mark.parametrize("by_plan", [False, True])
def test_a_batch_without_padding_needs_no_masks(arch, use_sdpa, by_plan):
    conf = {"use_sdpa": use_sdpa, "use_flash_attn": False, "num_loops": 3}
    encoder = build(arch, **conf, **({"interctc_loops": [1]} if by_plan else {})).float().eval()
    seen = []
    handle = encoder.encoders.recurrent_block[0].register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[1])
    )
    with torch.no_grad():
        x, lengths = torch.randn(2, 48, 20), torch.tensor([48, 48])
        out, olens, _ = encoder(x, lengths)
        assert len(seen) == 3 and all(masks is None for masks in seen)
        with_padding = torch.cat([x, torch.zeros(2, 12, 20)], 1), torch.tensor([48, 60])
        longer, longer_olens, _ = encoder(*with_padding)
        assert all(masks is not None for masks in seen[3:])
    handle.remove()
    out = out[0] if isinstance(out, tuple) else out
    longer = longer[0] if isinstance(longer, tuple) else longer
    assert olens[0] == longer_olens[0]
    if arch.name != "conformer":  # its norm over the batch sees the padding
        torch.testing.assert_close(out[0], longer[0, : olens[0]], rtol=1e-5, atol=1e-5)
