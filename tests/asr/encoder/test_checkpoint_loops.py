"""Loops that are computed once more in the backward pass: same gradients, less memory."""

from itertools import cycle

import pytest
import torch
from espnet2.asr.ctc import CTC

from espnet_recursive.recursion.recurrence import checkpoint
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import (
    PARTS,
    POLICIES,
    VOCABULARY,
    build,
    features,
    gradients,
    loss_of,
    outputs,
)

DROPOUT = {"dropout_rate": 0.2, "positional_dropout_rate": 0.2, "attention_dropout_rate": 0.2}


def step(encoder, passes=1, **options):
    """Outputs and gradients of training passes, and the random numbers that were drawn."""
    torch.manual_seed(3)
    for _ in range(passes):
        results = outputs(encoder(*features(), **options))
        loss_of(*results).backward()
    return results, gradients(encoder), torch.get_rng_state(), encoder.loops_run


def compare(arch, policy, part, ctc=None, **conf):
    kept, recomputed = (
        build(arch, policy, part, **{**DROPOUT, **conf, "checkpoint_loops": on}).train()
        for on in (False, True)
    )
    options = {}
    if ctc is not None:
        options["ctc"] = ctc
        for encoder in (kept, recomputed):
            torch.manual_seed(1)
            encoder.conditioning_layer = torch.nn.Linear(VOCABULARY, 16).double()
    expected, found = (step(encoder, 2, **options) for encoder in (kept, recomputed))
    torch.testing.assert_close(found[:2], expected[:2], rtol=1e-9, atol=1e-12)
    assert torch.equal(found[2], expected[2])
    if kept.progress is not None:
        state = kept.progress.get_extra_state()
        assert torch.equal(recomputed.progress.get_extra_state(), state)
        assert state[2] == 2, "a pass that is computed once more is no new one"
    if expected[3] is not None:
        assert torch.equal(found[3], expected[3])


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "fixed"])
def test_same_gradients_with_dropout_for_every_policy(arch, policy):
    compare(arch, policy, "none")


@pytest.mark.parametrize(
    ("name", "part"), zip(cycle(ARCHITECTURES), [part for part in PARTS if part != "none"])
)
def test_same_gradients_with_dropout_for_every_part(name, part):
    compare(ARCHITECTURES[name], "length", part)


@pytest.mark.parametrize("name", ["transformer", "branchformer", "conformer"])
def test_a_plain_recursion_draws_the_same_random_numbers(name):
    compare(ARCHITECTURES[name], "fixed", "none")


def test_self_conditioned_ctc_within_a_loop():
    ctc = CTC(VOCABULARY, 16).double()
    compare(
        ARCHITECTURES["conformer"],
        "length",
        "none",
        ctc,
        interctc_layer_idx=[2, 3],
        interctc_use_conditioning=True,
    )


def kept_bytes(loops, on):
    """What a forward pass keeps outside of checkpoints, where hooks do not reach."""
    encoder = build(ARCHITECTURES["branchformer"], shape=(2, loops, 1, 1), checkpoint_loops=on)
    sizes = {}

    def keep(tensor):
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes(), tensor
        return tensor

    x, lengths = features()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out, _, _ = encoder.train()(x, lengths)
    state = out.numel() * out.element_size()
    held = (1 + loops * on) * state  # the beginning of each loop
    return held + sum(size for size, _ in sizes.values())


def test_memory_hardly_grows_with_the_loops():
    plain = kept_bytes(6, False) - kept_bytes(2, False)
    checkpointed = kept_bytes(6, True) - kept_bytes(2, True)
    assert checkpointed < plain / 20


def test_only_where_gradients_are_computed(monkeypatch):
    calls = []

    def counting(*args, **kwargs):
        calls.append(1)
        return checkpoint(*args, **kwargs)

    monkeypatch.setattr("espnet_recursive.recursion.recurrence.checkpoint", counting)
    encoder = build(ARCHITECTURES["transformer"], checkpoint_loops=True)
    encoder.eval()(*features())
    with torch.no_grad():
        encoder.train()(*features())
    assert not calls
    encoder(*features())
    assert len(calls) == 3
