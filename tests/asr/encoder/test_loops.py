"""Loops that differ: every policy, architecture and private part, and depth at inference."""

import copy
import math
from itertools import product

import pytest
import torch
from espnet2.asr.ctc import CTC
from torch.utils.checkpoint import checkpoint

from espnet_recursive.recursion.exit_criterion import EXIT_CRITERIA, ExitRule
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import (
    LENGTHS,
    PARTS,
    POLICIES,
    SHAPE,
    VOCABULARY,
    build,
    every_policy_and_part,
    features,
    gradients,
    loss_of,
    outputs,
    private,
)

# ---- An utterance alone equals itself in a batch, in training with gradients and at inference


@every_policy_and_part
def test_alone_equals_batched(arch, policy, part):
    compare_alone_with_batched(build(arch, policy, part))


@pytest.mark.parametrize("use_sdpa", [False, True])
def test_alone_equals_batched_with_sdpa_and_without(arch, use_sdpa):
    options = {"use_flash_attn": False} if arch.name == "e_branchformer" else {}
    compare_alone_with_batched(build(arch, "length", "norms", use_sdpa=use_sdpa, **options))


def test_all_parts_together(arch):
    together = {key: value for part in PARTS.values() for key, value in part.items()}
    together["loop_adapter_conf"] = {
        "target_modules": ["linear_q", "linear_v"], "rank": 2, "alpha": 3, "diagonal": True,
    }  # fmt: skip
    compare_alone_with_batched(build(arch, "length", **together))


def compare_alone_with_batched(encoder):
    x, lengths = features()
    for training in (True, False):
        together, alone = copy.deepcopy(encoder), copy.deepcopy(encoder)
        out, olens, states = outputs(together.train(training)(x, lengths))
        loss_of(out, olens, states).backward()
        for row, length in enumerate(LENGTHS):
            one = alone.train(training)
            if encoder.progress is not None:  # each of them is in the same training pass
                one.progress = copy.deepcopy(encoder.progress)
            own = outputs(one(x[row : row + 1, :length], lengths[row : row + 1]))
            torch.testing.assert_close(own[0][0], out[row, : olens[row]], rtol=1e-5, atol=1e-5)
            assert own[2].keys() == states.keys()
            for position, state in own[2].items():
                in_batch = states[position][row, : olens[row]]
                torch.testing.assert_close(state[0], in_batch, rtol=1e-5, atol=1e-5)
            loss_of(*own).backward()
        torch.testing.assert_close(gradients(alone), gradients(together), rtol=1e-5, atol=1e-5)


def test_utterances_of_different_loops_are_in_the_batch(arch):
    encoder = build(arch, "length")
    encoder(*features())
    assert encoder.loops_run.tolist() == [3, 2, 4, 1]


# ---- The work is what each needs


def test_the_work_is_the_sum_of_what_each_needs(arch):
    encoder = build(arch, "length")
    rows = 0

    def count(module, inputs):
        nonlocal rows
        x = inputs[0][0] if isinstance(inputs[0], tuple) else inputs[0]
        rows += len(x)

    for layer in encoder.encoders.unique_layers:
        layer.register_forward_pre_hook(count)
    encoder(*features())
    n_r, _, n_p, n_c = SHAPE
    needed = sum(n_p + n_r * loops + n_c for loops in [3, 2, 4, 1])
    assert rows == encoder.row_layers == needed


# ---- Fixed loops by a plan are the plain sequence of layers


@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (1, 2, 0, 0), (3, 1, 0, 2)], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_a_chosen_depth_equals_an_encoder_of_that_depth(arch, shape, training):
    n_r, _, n_p, n_c = shape
    x, lengths = features()
    for loops in (1, 2, 5):
        encoder = build(arch, shape=shape).train(training)
        deep = build(arch, shape=(n_r, loops, n_p, n_c)).train(training)
        deep.load_state_dict(encoder.state_dict())
        encoder.set_depth(num_loops=loops)
        expected = (deep if not training else build(arch, shape=shape).train())(x, lengths)[0]
        assert torch.equal(encoder(x, lengths)[0], expected)
        encoder.set_depth()
        assert torch.equal(
            encoder(x, lengths)[0], build(arch, shape=shape).train(training)(x, lengths)[0]
        )


def test_intermediate_ctc_at_loops_is_that_at_their_positions(interctc_arch):
    """Where ESPnet has intermediate CTC too, bit for bit its own."""
    n_r, _, n_p, _ = SHAPE
    ours = build(interctc_arch, interctc_loops=[1, 3])
    stock_way = build(interctc_arch, interctc_layer_idx=[n_p + n_r, n_p + 3 * n_r])
    x, lengths = features()
    (out, states), _, _ = ours(x, lengths)
    (stock_out, stock_states), _, _ = stock_way(x, lengths)
    assert torch.equal(out, stock_out)
    assert [p for p, _ in states] == [p for p, _ in stock_states] == [3, 7]
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(states, stock_states, strict=True))


def test_the_branchformer_has_intermediate_ctc_through_its_final_norm():
    arch = ARCHITECTURES["branchformer"]
    encoder, deep = build(arch, interctc_loops=[2]), build(arch, shape=(2, 2, 1, 0))
    x, lengths = features()
    names = deep.state_dict().keys()
    deep.load_state_dict({n: w for n, w in encoder.state_dict().items() if n in names})
    (_, states), _, _ = encoder(x, lengths)
    assert torch.equal(states[0][1], deep(x, lengths)[0])


def test_conditioning_on_intermediate_ctc_is_that_of_espnet(interctc_arch):
    x, lengths = features()
    ctc = CTC(VOCABULARY, 16).double()
    results = []
    for key, value in (("interctc_loops", [1, 2]), ("interctc_layer_idx", [3, 5])):
        encoder = build(interctc_arch, interctc_use_conditioning=True, **{key: value})
        torch.manual_seed(1)
        encoder.conditioning_layer = torch.nn.Linear(VOCABULARY, 16).double()
        results.append(outputs(encoder(x, lengths, ctc=ctc)))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-12)


def test_all_hidden_states_of_a_pass_by_a_plan(interctc_arch):
    x, lengths = features()
    by_plan, plain = build(interctc_arch, interctc_loops=[1]), build(interctc_arch)
    results = [encoder(x, lengths, return_all_hs=True)[0] for encoder in (by_plan, plain)]
    assert torch.equal(results[0][0], results[1][0])
    assert len(results[0][1]) == len(results[1][1]) == 8
    assert all(torch.equal(a, b) for a, b in zip(results[0][1], results[1][1], strict=True))


# ---- Private parts

#: No private parts, or, as lower time resolutions, no no-ops at the start.
CHANGING = ("none", "interctc", "strides")


@pytest.mark.parametrize("part", [part for part in PARTS if part not in CHANGING])
@pytest.mark.parametrize("training", [True, False])
def test_parts_start_bit_for_bit(arch, part, training):
    x, lengths = features()
    for dtype in (torch.float32, torch.float64):
        with_part = build(arch, part=part, randomise=False).to(dtype).train(training)
        without = build(arch).to(dtype).train(training)
        states = with_part.state_dict()
        without.load_state_dict({name: states[name] for name in without.state_dict()})
        assert private(with_part), "nothing was added"
        assert torch.equal(with_part(x.to(dtype), lengths)[0], without(x.to(dtype), lengths)[0])


@every_policy_and_part
def test_state_dict_round_trip(arch, policy, part, tmp_path):
    encoder = build(arch, policy, part)
    x, lengths = features()
    encoder(x, lengths)
    torch.save(encoder.state_dict(), tmp_path / "encoder.pth")
    twin = build(arch, policy, part, randomise=False)
    weights = torch.load(tmp_path / "encoder.pth", weights_only=True)
    assert all(map(torch.is_tensor, weights.values()))
    twin.load_state_dict(weights, strict=True)
    # The next training pass, whose loops may be drawn, is the same in both; so is inference.
    nexts = [outputs(e.train()(x, lengths))[0] for e in (encoder, twin)]
    assert torch.equal(*nexts)
    assert torch.equal(outputs(encoder.eval()(x, lengths))[0], outputs(twin.eval()(x, lengths))[0])


def test_old_configurations_have_old_names(arch):
    names = set(arch.build(SHAPE).state_dict())
    assert not {name for name in names if "progress" in name}
    stock = set(arch.build_stock(4).state_dict())
    assert names == stock


def test_every_parameter_has_a_gradient_after_one_loop(arch):
    """DistributedDataParallel waits for all of them."""
    for part in PARTS:
        encoder = build(arch, "schedule", part)
        out, olens, states = outputs(encoder(*features()))
        assert encoder.loops_run.tolist() == [1] * 4
        loss_of(out, olens, states).backward()
        without = [name for name, p in encoder.named_parameters() if p.grad is None]
        unused = [name for name, p in build(arch).named_parameters() if p.grad is None]
        assert not set(without) - set(unused) - set(stock_unused(arch)), part


def stock_unused(arch):
    """Parameters to which ESPnet's own encoder gives no gradient either."""
    encoder = build(arch)
    loss_of(*outputs(encoder(*features()))).backward()
    return [name for name, p in encoder.named_parameters() if p.grad is None]


# ---- Policies in training and evaluation


def test_a_schedule_goes_on_epoch_by_epoch(arch):
    encoder = build(arch, "schedule")
    x, lengths = features()
    seen = []
    for _ in range(5):
        encoder.train()
        encoder(x, lengths)
        seen.append(int(encoder.loops_run[0]))
        encoder.eval()
        encoder(x, lengths)
        assert int(encoder.loops_run[0]) == seen[-1], "validation is as deep as training"
    assert seen == [1, 2, 3, 4, 4]
    fresh = build(arch, "schedule").eval()
    fresh.load_state_dict(encoder.state_dict())
    fresh(x, lengths)
    assert int(fresh.loops_run[0]) == 4 == fresh.shape.num_loops


def test_a_schedule_by_steps_counts_those_of_the_optimiser(arch, monkeypatch):
    """Two passes accumulate their gradients to a step; validation and a skipped step count none."""
    monkeypatch.setitem(POLICIES, "schedule", {"end": 4, "total": 4, "unit": "step"})
    encoder = build(arch, "schedule")
    optimizer = torch.optim.SGD(encoder.parameters(), 1e-3)
    x, lengths = features()
    seen = []
    for number in range(8):
        encoder.train()
        loss_of(*outputs(encoder(x, lengths))).backward()
        seen.append(int(encoder.loops_run[0]))
        if number % 2 and number != 3:
            optimizer.step()
            optimizer.zero_grad()
        encoder.eval()(x, lengths)
        assert int(encoder.loops_run[0]) == seen[-1]
    assert seen == [1, 1, 2, 2, 2, 2, 3, 3]


def test_a_schedule_is_resumed_in_the_middle(arch):
    encoder = build(arch, "schedule")
    x, lengths = features()
    for _ in range(2):
        encoder.train()(x, lengths)
        encoder.eval()
    resumed = build(arch, "schedule")
    resumed.load_state_dict(encoder.state_dict())
    resumed.train()(x, lengths)
    assert int(resumed.loops_run[0]) == 3


@pytest.mark.parametrize("policy", ["uniform", "lognormal_poisson"])
def test_random_depth_resumes_and_leaves_other_random_numbers_alone(arch, policy):
    encoder = build(arch, policy)
    x, lengths = features()

    def drawn(encoder, passes):
        loops = []
        for _ in range(passes):
            encoder.train()(x, lengths)
            loops.append(int(encoder.loops_run[0]))
        return loops

    first = drawn(encoder, 4)
    state = copy.deepcopy(encoder.state_dict())
    rest = drawn(encoder, 6)
    assert len(set(first + rest)) > 1
    resumed = build(arch, policy)
    resumed.load_state_dict(state)
    assert drawn(resumed, 6) == rest
    encoder.eval()(x, lengths)
    assert encoder.loops_run.tolist() == [encoder.shape.num_loops] * 4


@pytest.mark.parametrize("policy", ["uniform", "schedule"])
@pytest.mark.parametrize("how", ["loops", "encoder", "encoder, reentrant"])
def test_a_pass_that_is_computed_again_has_its_loops_again(arch, policy, how):
    """Activation checkpointing, within the encoder and around it: loops, progress, gradients."""
    x, lengths = features()
    results = []
    for checkpointed in (False, True):
        encoder = build(arch, policy, "film", checkpoint_loops=checkpointed and how == "loops")
        drawn = []
        for _ in range(3):
            encoder.train()

            def run(x, encoder=encoder):
                return encoder(x, lengths)[0]

            if checkpointed and how != "loops":
                reentrant = how == "encoder, reentrant"
                out = checkpoint(run, x.clone().requires_grad_(), use_reentrant=reentrant)
            else:
                out = run(x)
            loss_of(out, torch.tensor([out.shape[1]] * 4), {}).backward()
            drawn.append(int(encoder.loops_run[0]))
        results.append((drawn, encoder.progress.get_extra_state(), gradients(encoder)))
    assert results[0][0] == results[1][0] and len(set(results[0][0])) > 1
    assert results[1][1].tolist() == [3, 0, 3, 1]
    torch.testing.assert_close(results[1][2], results[0][2], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["transformer", "conformer"])
def test_random_numbers_of_dropout_are_those_of_fixed_loops(name):
    """A policy draws none of ESPnet's. (In the others the stock code draws for each layer.)"""
    arch = ARCHITECTURES[name]
    x, lengths = features()
    states = []
    for conf in ({"loop_policy": "fixed"}, {"loop_policy": "uniform", "loop_policy_conf": {
        "min_loops": 3, "max_loops": 3}}):  # fmt: skip
        torch.manual_seed(0)
        encoder = arch.build(SHAPE, **conf).double().train()
        torch.manual_seed(1)
        out = encoder(x, lengths)[0]
        states.append(out)
    assert torch.equal(*states)


# ---- Depth at inference


@pytest.fixture
def ctc():
    torch.manual_seed(2)
    return CTC(VOCABULARY, 16).double()


@pytest.fixture(params=sorted(EXIT_CRITERIA))
def criterion(request):
    return request.param


@pytest.mark.parametrize("policy", ["fixed", "length", "uniform"])
def test_exit_at_0_runs_all_loops_and_at_infinity_the_fewest(arch, policy, criterion, ctc):
    x, lengths = features()
    encoder = build(arch, policy).eval()
    encoder(x, lengths)
    plain, most = encoder(x, lengths)[0], encoder.loops_run
    encoder.set_depth(exit_rule=ExitRule(criterion, 0.0), ctc=ctc)
    assert torch.equal(encoder(x, lengths)[0], plain)
    assert most is None or torch.equal(encoder.loops_run, most)
    for least in (1, 2):
        encoder.set_depth(exit_rule=ExitRule(criterion, math.inf, least), ctc=ctc)
        fewest = encoder(x, lengths)[0]
        bound = torch.full((4,), 3) if most is None else most
        # A criterion that needs a step to compare with cannot end the first loop.
        loops = max(least, EXIT_CRITERIA[criterion].first_loop)
        assert torch.equal(encoder.loops_run, bound.clamp(max=loops))
        if policy != "length":
            encoder.set_depth(num_loops=loops)
            assert torch.equal(encoder(x, lengths)[0], fewest)


def test_exit_of_each_utterance_is_that_of_it_alone(arch, criterion, ctc):
    x, lengths = features()
    encoder = build(arch, shape=(1, 12, 1, 1)).eval()
    changes = spread_of_changes(encoder, criterion, ctc)
    rule = ExitRule(criterion, changes, min_loops=2)
    encoder.set_depth(exit_rule=rule, ctc=ctc)
    out, olens, _ = encoder(x, lengths)
    loops = encoder.loops_run.tolist()
    assert encoder.row_layers == sum(1 + count + 1 for count in loops)
    for row, length in enumerate(LENGTHS):
        own, _, _ = encoder(x[row : row + 1, :length], lengths[row : row + 1])
        assert encoder.loops_run.tolist() == [loops[row]]
        torch.testing.assert_close(own[0], out[row, : olens[row]], rtol=1e-5, atol=1e-5)


def spread_of_changes(encoder, criterion, ctc):
    """A threshold in the midst of the changes that loops make, so that some utterances exit."""
    x, lengths = features()
    for exponent in range(40):
        threshold = 2.0 ** (3 - exponent)
        encoder.set_depth(exit_rule=ExitRule(criterion, threshold, 2), ctc=ctc)
        encoder(x, lengths)
        if int(encoder.loops_run.max()) > 2:
            return threshold
    raise AssertionError("nothing ever moves")


def test_training_does_not_exit(arch, ctc):
    x, lengths = features()
    encoder = build(arch)
    encoder.set_depth(num_loops=1, exit_rule=ExitRule("kl", math.inf), ctc=ctc)
    assert torch.equal(encoder.train()(x, lengths)[0], build(arch).train()(x, lengths)[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_loops": 0}, "num_loops must be an integer from 1 to 10000, not 0"),
        ({"num_loops": 2.5}, "num_loops must be an integer from 1 to 10000, not 2.5"),
        ({"num_loops": True}, "num_loops must be an integer from 1 to 10000, not True"),
        ({"num_loops": 10**30}, "num_loops must be an integer from 1 to 10000, not 1000"),
        ({"exit_rule": ExitRule("kl", 0.1)}, "'kl' needs a CTC module"),
        ({"exit_rule": ExitRule("latent", 0.1, 4)}, "min_loops=4 is more than 3 loops"),
        ({"exit_rule": ExitRule("latent", 0.1, 2), "num_loops": 1}, "min_loops=2 is more than 1"),
    ],
)
def test_impossible_depths(arch, options, message):
    with pytest.raises(ValueError, match=message):
        build(arch).set_depth(**options)


def test_an_exit_head_is_no_part_of_the_encoder(arch, ctc):
    encoder = build(arch)
    names = set(encoder.state_dict())
    encoder.set_depth(exit_rule=ExitRule("kl", 0.1), ctc=ctc)
    assert set(encoder.state_dict()) == names
    assert not any(p is q for p, q in product(encoder.parameters(), ctc.parameters()))


# ---- What does not go together


@pytest.mark.parametrize(
    ("name", "conf", "message"),
    [
        ("conformer", {"ctc_trim": True, "interctc_layer_idx": [1]}, "ctc_trim does not go with"),
        ("e_branchformer", {"layer_drop_rate": 0.1}, "layer_drop_rate does not go with"),
        ("e_branchformer", {"gradient_checkpoint_layers": [2]}, "gradient_checkpoint_layers does"),
        ("transformer", {"loop_policy_conf": {"ende": 3}}, "'schedule' has no key 'ende'"),
        ("branchformer", {"loop_adapter_conf": {"target_modules": ["q"]}}, "ends with 'q'"),
    ],
)
def test_refused_with_a_schedule(name, conf, message):
    with pytest.raises(ValueError, match=message):
        ARCHITECTURES[name].build(loop_policy="schedule", **conf)
