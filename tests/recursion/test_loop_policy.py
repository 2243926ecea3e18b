"""Loop policies: Eqs. 4 and 5, random depth, and what all of them keep."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from espnet_recursive.recursion.loop_policy import (
    LOOP_POLICIES,
    FixedLoops,
    LengthLoops,
    LogNormalPoissonLoops,
    ScheduleLoops,
    UniformLoops,
    make_loop_policy,
)
from espnet_recursive.recursion.loop_policy_base import Progress

POLICIES = {
    "fixed": FixedLoops(4),
    "length": LengthLoops(min_length=100, max_length=2000),
    "schedule": ScheduleLoops(),
    "uniform": UniformLoops(2, 9),
    "lognormal_poisson": LogNormalPoissonLoops(mean_loops=8, max_loops=20),
}
LENGTHS = torch.tensor([1, 99, 100, 101, 150, 151, 999, 1050, 1999, 2000, 2001, 90_000])


@pytest.fixture(params=sorted(LOOP_POLICIES))
def policy(request):
    return POLICIES[request.param]


def test_every_policy_is_tested():
    assert set(POLICIES) == set(LOOP_POLICIES)


# ---- All of them


def test_counts_are_loops(policy):
    for forward in range(50):
        counts = policy(Progress(1 + forward // 5, forward, forward), LENGTHS)
        assert counts.dtype == torch.int64 and counts.device.type == "cpu"
        assert counts.shape == LENGTHS.shape
        assert 1 <= counts.min() and counts.max() <= policy.most_loops
    assert 1 <= policy.default_loops <= policy.most_loops


def test_a_count_depends_on_nothing_else_in_the_batch(policy):
    progress = Progress(7, 30, 61)
    alone = [int(policy(progress, length[None])) for length in LENGTHS]
    assert policy(progress, LENGTHS).tolist() == alone


def test_which_policies_give_utterances_loops_of_their_own(policy):
    counts = [policy(Progress(1, n, n), LENGTHS) for n in range(5)]
    assert any(len(of_pass.unique()) > 1 for of_pass in counts) == policy.per_utterance


def test_equal_progress_has_equal_counts_and_no_other_random_number_is_drawn(policy):
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = policy(Progress(2, 5, 11), LENGTHS)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    torch.manual_seed(4)
    np.random.seed(4)
    assert torch.equal(policy(Progress(2, 5, 11), LENGTHS), first)


# ---- Eq. 4


@pytest.mark.parametrize("rounding", ["nearest", "floor", "ceil"])
def test_length_is_equation_4(rounding):
    policy = LengthLoops(min_length=100, max_length=2000, rounding=rounding)
    of = {"nearest": lambda x: math.floor(x + 0.5), "floor": math.floor, "ceil": math.ceil}
    for length, count in zip(LENGTHS.tolist(), policy(Progress(), LENGTHS).tolist(), strict=True):
        # 1900 = 19 * 100, so that the quotient is exact in hundredths.
        exact = 1 + (length - 100) / 100
        assert count == min(max(of[rounding](exact), 1), 20)


def test_length_of_the_ends():
    policy = LengthLoops(min_length=83, max_length=2452, min_loops=2, max_loops=11)
    assert policy(Progress(), torch.tensor([83, 2452])).tolist() == [2, 11]
    counts = policy(Progress(), torch.arange(0, 3000))
    assert (counts.diff() >= 0).all() and counts.unique().tolist() == list(range(2, 12))


# ---- Eq. 5


def schedule(**conf):
    policy = ScheduleLoops(**conf)
    if policy.unit == "epoch":
        return [int(policy(Progress(epoch=n), LENGTHS[:1])) for n in range(1, policy.total + 5)]
    return [int(policy(Progress(step=n), LENGTHS[:1])) for n in range(policy.total + 4)]


def test_schedule_is_equation_5():
    loops = schedule()
    assert loops[:60] == [math.ceil(20 * epoch / 60) for epoch in range(1, 61)]
    assert (loops[0], loops[59], loops[63]) == (1, 20, 20)
    assert set(Counter(loops[:60]).values()) == {3}, "one loop more every three epochs"


@pytest.mark.parametrize("unit", ["epoch", "step"])
@pytest.mark.parametrize(("start", "end", "total"), [(1, 4, 8), (3, 5, 9), (2, 2, 5), (1, 7, 3)])
def test_schedule_is_monotone_from_start_to_end(start, end, total, unit):
    loops = schedule(start=start, end=end, total=total, unit=unit)
    assert sorted(loops) == loops
    assert loops[total - 1] == loops[-1] == end
    if total % (end - start + 1) == 0:
        assert loops[0] == start
        assert set(Counter(loops[:total]).values()) == {total // (end - start + 1)}


# ---- Random depth


def test_uniform_draws_all_numbers_alike():
    policy = UniformLoops(3, 6, seed=1)
    drawn = Counter(int(policy(Progress(forward=n), LENGTHS[:1])) for n in range(4000))
    assert sorted(drawn) == [3, 4, 5, 6]
    # Four standard deviations of a binomial count.
    assert all(abs(count - 1000) < 4 * math.sqrt(4000 * 0.25 * 0.75) for count in drawn.values())


def test_lognormal_poisson_has_the_mean_of_huginn():
    policy = LogNormalPoissonLoops(mean_loops=8, max_loops=1000, sigma=0.5, seed=2)
    drawn = np.array([int(policy(Progress(forward=n), LENGTHS[:1])) for n in range(6000)])
    # The variance of Poisson(exp(tau)): mean + mean^2 (exp(sigma^2) - 1).
    deviation = math.sqrt(8 + 64 * (math.exp(0.25) - 1))
    assert drawn.mean() == pytest.approx(9, abs=4 * deviation / math.sqrt(6000))
    assert drawn.std() == pytest.approx(deviation, rel=0.1)
    assert np.median(drawn) < drawn.mean(), "now and then large"


@pytest.mark.parametrize("name", ["uniform", "lognormal_poisson"])
def test_seeds_are_different_streams(name):
    conf = {"uniform": {"min_loops": 1}, "lognormal_poisson": {"mean_loops": 9}}[name]
    policies = [
        make_loop_policy(name, {**conf, "max_loops": 30, "seed": seed}, None) for seed in (1, 2)
    ]
    streams = [
        [int(policy(Progress(forward=n), LENGTHS[:1])) for n in range(50)] for policy in policies
    ]
    assert streams[0] != streams[1]


# ---- Configuration


def test_fixed_is_num_loops():
    assert make_loop_policy("fixed", None, 7) == FixedLoops(7)


@pytest.mark.parametrize(
    ("name", "conf", "message"),
    [
        ("shedule", {}, "loop_policy='shedule' is none of .* Did you mean 'schedule'"),
        ("fixed", {"num_loops": 3}, "'fixed' has no loop_policy_conf"),
        (
            "schedule",
            {"ends": 3},
            "no key 'ends'. Did you mean 'end'. Keys: start, end, total, unit",
        ),
        ("schedule", {"start": 4, "end": 3}, "end=3 must be larger than start=4"),
        ("schedule", {"total": 0}, "total must be an integer of 1 or more, not 0"),
        ("schedule", {"unit": "hour"}, "unit must be one of epoch, step, not 'hour'"),
        ("length", {}, "'length' needs min_length, max_length"),
        ("length", {"min_length": 9, "max_length": 9}, "max_length=9 must be larger than"),
        ("length", {"min_length": 1.5, "max_length": 9}, "min_length must be an integer"),
        ("length", {"min_length": 1, "max_length": 9, "rounding": "up"}, "rounding must be one of"),
        ("uniform", {"min_loops": 0, "max_loops": 3}, "min_loops must be an integer of 1 or more"),
        ("uniform", {"min_loops": 1}, "needs max_loops"),
        ("lognormal_poisson", {"mean_loops": 3, "max_loops": 9, "sigma": -1}, "sigma must be"),
    ],
)
def test_mistakes_name_the_key(name, conf, message):
    with pytest.raises(ValueError, match=message):
        make_loop_policy(name, conf, 5)
