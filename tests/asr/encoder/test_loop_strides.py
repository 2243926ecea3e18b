"""Loops at lower time resolution, in all architectures, beside the same written down by hand.

That an utterance alone equals itself in a batch, with every policy, that checkpoints, threads,
processes and precisions change nothing, is tested where it is tested for every part of a loop.
"""

import copy

import pytest
import torch
from espnet2.asr.ctc import CTC
from torch._dynamo.testing import CompileCounter

from espnet_recursive.asr.depth import Depth
from espnet_recursive.asr.encoder.conf_checks import EncoderConfError
from espnet_recursive.recursion.layer_call import CompiledCall
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import VOCABULARY, build, features, gradients, loss_of, outputs

STRIDES = [4, 2, 1]
SHAPE = (2, 3, 1, 1)
#: Frames of the input: odd numbers of states, fewer than a stride, and one.
FRAMES = (48, 37, 20, 11, 7)


def embedded(encoder, x):
    """The states that the first layer takes, and relative positions, of whole utterances."""
    out, _ = encoder.embed(x, torch.ones(len(x), 1, x.size(1), dtype=torch.bool))
    return out if isinstance(out, tuple) else (out,)


def by_hand(encoder, x, loops=3, strides=STRIDES, look=None):
    """An encoder's output, frame by frame where it pools, without its passes and caches."""
    stack = encoder.encoders
    states, *positions = embedded(encoder, x)

    def run(layers, states, positions):
        mask = torch.ones(len(states), 1, states.size(1), dtype=torch.bool)
        for layer in layers:
            xs, _ = layer((states, *positions) if positions else states, mask)
            states = xs[0] if positions else xs
        return states

    states = run(stack.prelude, states, positions)
    for loop in range(1, loops + 1):
        row = min(loop, len(strides)) - 1
        stride, frames = strides[row], states.size(1)
        weights = stack.loop_pooling.bias[row, :stride].exp()
        pooled = []
        for first in range(0, frames, stride):
            part = states[:, first : first + stride]
            own = weights[: part.size(1)]
            pooled.append((part * own[:, None]).sum(1) / own.sum())
        low = torch.stack(pooled, 1)
        middle = frames - 1
        legacy = bool(positions) and positions[0].size(1) == frames and frames > 1
        offsets = [stride * i for i in range(low.size(1))]
        index = [middle - offset for offset in reversed(offsets)]
        if not legacy:
            index += [middle + offset for offset in offsets[1:]]
        change = run(stack.recurrent_block, low, [p[:, index] for p in positions]) - low
        frame_of = [frame // stride for frame in range(frames)]
        states = states + change[:, frame_of]
        if look:
            look(loop, states)
    states = run(stack.coda, states, positions)
    return encoder.after_norm(states)


@pytest.mark.parametrize("frames", FRAMES)
@pytest.mark.parametrize("options", [{}, {"use_sdpa": True}], ids=str)
def test_a_pass_by_hand(arch, frames, options):
    encoder = build(arch, shape=SHAPE, loop_strides=STRIDES, **options).eval()
    assert encoder.encoders.loop_pooling.bias.shape == (3, 4)
    x = torch.randn(2, frames, 20, dtype=torch.float64)
    out, olens, _ = encoder(x, torch.tensor([frames] * 2))
    assert out.size(1) == olens[0]
    torch.testing.assert_close(out, by_hand(encoder, x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["conformer", "branchformer", "e_branchformer"])
def test_legacy_positions_and_absolute_ones(name):
    arch = ARCHITECTURES[name]
    legacy = {"rel_pos_type": "legacy"}
    absolute = {"pos_enc_layer_type": "abs_pos", arch.attention_key: "selfattn"}
    for options in (legacy, absolute):
        encoder = build(arch, shape=SHAPE, loop_strides=STRIDES, **options).eval()
        x = torch.randn(1, 41, 20, dtype=torch.float64)
        out, _, _ = encoder(x, torch.tensor([41]))
        torch.testing.assert_close(out, by_hand(encoder, x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("strides", [[1], [1, 1, 1], []], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_ones_are_the_plain_loop_bit_for_bit(arch, strides, training):
    x, lengths = features()
    plain = build(arch, shape=SHAPE).train(training)
    ones = build(arch, shape=SHAPE, loop_strides=strides).train(training)
    assert list(ones.state_dict()) == list(plain.state_dict())
    assert ones.recursion.is_plain and str(ones.recursion) == ""
    results = []
    for encoder in (plain, ones):
        torch.manual_seed(1)
        out = outputs(encoder(x, lengths))
        loss_of(*out).backward()
        results.append((out, gradients(encoder)))
    assert torch.equal(results[0][0][0], results[1][0][0])
    assert all(torch.equal(grad, results[1][1][name]) for name, grad in results[0][1].items())


def test_the_loops_of_stride_1_are_plain_ones(arch):
    """Up to the first other stride, bit for bit."""
    x, lengths = features()
    plain = build(arch, shape=SHAPE, interctc_loops=[1, 2]).eval()
    strided = build(arch, shape=SHAPE, loop_strides=[1, 1, 4], interctc_loops=[1, 2]).eval()
    states = strided.state_dict()
    plain.load_state_dict({name: states[name] for name in plain.state_dict()})
    found, expected = outputs(strided(x, lengths)), outputs(plain(x, lengths))
    for position in expected[2]:
        assert torch.equal(found[2][position], expected[2][position])
    assert not torch.allclose(found[0], expected[0], atol=1e-3)


def test_loops_beyond_have_the_last_stride(arch):
    encoder = build(arch, shape=SHAPE, loop_strides=STRIDES[:2]).eval()
    x = torch.randn(1, 45, 20, dtype=torch.float64)
    for loops in (1, 2, 5):
        out, _, _ = encoder(x, torch.tensor([45]), depth=Depth(num_loops=loops))
        expected = by_hand(encoder, x, loops, STRIDES[:2])
        torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)


def test_the_biases_learn_and_each_has_a_gradient_in_every_pass(arch):
    """Also where the loops of a pass have stride 1 alone: DDP asks for all of them."""
    x, lengths = features()
    for strides, loops in (([4, 2, 1], 3), ([1, 2], 1), ([1, 1, 4], 2)):
        policy = {"min_loops": loops, "max_loops": loops}
        encoder = arch.build(
            recurrent_blocks=1,
            prelude_blocks=1,
            coda_blocks=1,
            num_loops=3,
            loop_strides=strides,
            loop_policy="uniform",
            loop_policy_conf=policy,
        ).double()
        loss_of(*outputs(encoder.train()(x, lengths))).backward()
        assert all(p.grad is not None for p in encoder.parameters())
        bias = encoder.encoders.loop_pooling.bias
        assert torch.equal(bias.detach(), torch.zeros_like(bias))
        used = any(stride > 1 for stride in strides[:loops])
        assert bool(bias.grad.abs().sum() > 0) is used


def test_intermediate_ctc_sees_the_full_rate(arch):
    encoder = build(arch, shape=SHAPE, loop_strides=STRIDES, interctc_loops=[1, 2, 3]).eval()
    x, seen = torch.randn(1, 45, 20, dtype=torch.float64), {}
    (out, states), olens, _ = encoder(x, torch.tensor([45]))
    by_hand(encoder, x, look=lambda loop, h: seen.update({1 + 2 * loop: encoder.normalized(h)}))
    assert dict(states).keys() == seen.keys()
    for position, state in states:
        torch.testing.assert_close(state, seen[position], rtol=1e-10, atol=1e-10)


def test_within_a_loop(interctc_arch):
    """Hidden states of every layer are at the full rate, and self-conditioning acts there."""
    x, lengths = features()
    encoder = build(
        interctc_arch, shape=SHAPE, loop_strides=STRIDES, interctc_layer_idx=[2, 3, 4],
        interctc_use_conditioning=True,
    )  # fmt: skip
    ctc = CTC(VOCABULARY, 16).double()
    encoder.conditioning_layer = torch.nn.Linear(VOCABULARY, 16).double()
    torch.nn.init.zeros_(encoder.conditioning_layer.weight)
    torch.nn.init.zeros_(encoder.conditioning_layer.bias)
    unconditioned = build(interctc_arch, shape=SHAPE, loop_strides=STRIDES)
    states = encoder.state_dict()
    unconditioned.load_state_dict({n: states[n] for n in unconditioned.state_dict()})
    encoder.eval(), unconditioned.eval()
    with_states = encoder(x, lengths, ctc=ctc)
    out, _, found = outputs(with_states)
    assert [state.shape for state in found.values()] == [out.shape] * 3
    hidden = unconditioned(x, lengths, return_all_hs=True)[0][1]
    assert [state.shape for state in hidden] == [out.shape] * 8
    # Conditions that add nothing change a state within a loop only by pooling it anew.
    torch.testing.assert_close(found[2], encoder.normalized(hidden[1]), rtol=1e-9, atol=1e-9)
    torch.nn.init.normal_(encoder.conditioning_layer.weight)
    assert not torch.allclose(outputs(encoder(x, lengths, ctc=ctc))[0], out, atol=1e-3)


@pytest.mark.parametrize("criterion", ["latent", "kl", "labels", "acceleration"])
def test_exit_at_the_full_rate_is_that_of_each_alone(arch, criterion):
    x, lengths = features()
    torch.manual_seed(2)
    ctc = CTC(VOCABULARY, 16).double()
    encoder = build(arch, shape=(1, 8, 1, 1), loop_strides=[4, 2, 1]).eval()
    for threshold in (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01):
        depth = Depth(loop_exit=criterion, loop_exit_threshold=threshold)
        out, olens, _ = encoder(x, lengths, ctc=ctc, depth=depth)
        ran = encoder.loops_run.tolist()
        if max(ran) > 1:
            break
    for row, length in enumerate(lengths.tolist()):
        one = x[row : row + 1, :length], lengths[row : row + 1]
        own, _, _ = encoder(*one, ctc=ctc, depth=depth)
        assert encoder.loops_run.tolist() == [ran[row]]
        torch.testing.assert_close(own[0], out[row, : olens[row]], rtol=1e-6, atol=1e-6)


def test_masks_with_holes(interctc_arch):
    """A frame that a caller's masks leave out does not reach the others by way of the pool."""
    if interctc_arch.name != "transformer":
        pytest.skip("the convolutions of the others see what masks leave out, in ESPnet too")
    encoder = build(interctc_arch, shape=SHAPE, loop_strides=STRIDES, input_layer="linear").eval()
    x, lengths = torch.randn(1, 12, 20, dtype=torch.float64), torch.tensor([12])
    masks = torch.zeros(1, 12, dtype=torch.bool)
    masks[0, 5] = masks[0, 8:12] = True
    changed = x.clone()
    changed[masks] = 7.0
    outs = [encoder(values, lengths, masks=masks)[0][~masks] for values in (x, changed)]
    torch.testing.assert_close(*outs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
def test_autocast_and_bfloat16(arch, precision):
    x, lengths = features()
    encoder = build(arch, shape=SHAPE, loop_strides=STRIDES).float().eval()
    whole = copy.deepcopy(encoder).to(precision)
    expected = encoder(x.float(), lengths)[0]
    with torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16):
        found = encoder(x.float(), lengths)[0]
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0.15)
    out = whole(x.to(precision), lengths)[0]
    assert out.dtype is precision
    torch.testing.assert_close(out.float(), expected, rtol=0, atol=0.25)


def test_compiled_once_for_all_strides():
    torch._dynamo.reset()
    counter = CompileCounter()
    plain = build(ARCHITECTURES["transformer"], shape=SHAPE, loop_strides=STRIDES)
    encoder = build(ARCHITECTURES["transformer"], shape=SHAPE, loop_strides=STRIDES, compile=True)
    encoder.load_state_dict(plain.state_dict())
    encoder.encoders.layer_call = CompiledCall(counter)
    # The compiler takes sizes that are equal for the same: no number of rows is one of frames.
    x, lengths = torch.randn(3, 61, 20, dtype=torch.float64), torch.tensor([61, 50, 40])
    with torch.no_grad():
        out = encoder.eval()(x, lengths)[0]
        torch.testing.assert_close(out, plain.eval()(x, lengths)[0], rtol=1e-9, atol=1e-9)
    assert counter.frame_count == 1
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"loop_strides": 4}, "loop_strides must be a list of integers between 1 and 16, not 4"),
        ({"loop_strides": None}, "must be a list of integers between 1 and 16, not None"),
        ({"loop_strides": [4, 0]}, r"between 1 and 16, not \[4, 0\]"),
        ({"loop_strides": [True, 2]}, r"between 1 and 16, not \[True, 2\]"),
        ({"loop_strides": [17]}, r"between 1 and 16, not \[17\]"),
        ({"loop_strides": [10**9]}, "between 1 and 16, not"),
        ({"loop_strides": [2.0]}, r"between 1 and 16, not \[2.0\]"),
        ({"loop_strides": [4, 4, 2, 1]}, "loop_strides has 4 values.* at most 3 loops"),
    ],
)
def test_refused(arch, conf, message):
    with pytest.raises(EncoderConfError, match=message):
        arch.build(SHAPE, **conf)


@pytest.mark.parametrize(
    ("name", "key"),
    [("conformer", {"ctc_trim": True, "interctc_layer_idx": [1]}),
     ("e_branchformer", {"layer_drop_rate": 0.1}),
     ("e_branchformer", {"gradient_checkpoint_layers": [2]})],
)  # fmt: skip
def test_what_acts_between_layers_is_refused(name, key):
    with pytest.raises(EncoderConfError, match=f"{next(iter(key))} does not go with loop_strides"):
        ARCHITECTURES[name].build(SHAPE, loop_strides=[2], **key)
