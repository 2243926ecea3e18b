"""A recursion resolved once: its shape, its policy and its options say the same."""

import pytest
import torch

from espnet_recursive.recursion import resolved, shape
from espnet_recursive.recursion.loop_policy import FixedLoops, UniformLoops, make_loop_policy
from espnet_recursive.recursion.resolved import Recursion
from espnet_recursive.recursion.shape import RecursionShape

UNIFORM = {"loop_policy": "uniform", "loop_policy_conf": {"min_loops": 1, "max_loops": 9}}


def test_the_default_is_the_papers_row():
    recursion = Recursion.from_conf({"output_size": 512})
    assert recursion.shape == RecursionShape(4, 5, 2, 2)
    assert recursion.policy == FixedLoops(5)
    assert recursion.is_plain and str(recursion) == "" and recursion.most_loops == 5


def test_parts_are_for_all_loops_of_the_policy():
    conf = {**UNIFORM, "num_loops": 3, "num_blocks": 4, "loop_film": True}
    recursion = Recursion.from_conf(conf)
    assert recursion.policy == UniformLoops(1, 9) and recursion.shape.num_loops == 3
    assert not recursion.is_plain and recursion.most_loops == 9
    stack = recursion.make_stack([torch.nn.Linear(4, 4) for _ in range(4)], 4)
    assert stack.loop_signals[0].scale.shape == (9, 4)


@pytest.mark.parametrize("conf", [{}, {"num_loops": 2}, UNIFORM, {**UNIFORM, "num_loops": 3}])
def test_a_policy_is_built_once(conf, monkeypatch):
    built = []

    def make(*arguments):
        built.append(make_loop_policy(*arguments))
        return built[-1]

    for module in (resolved, shape):
        monkeypatch.setattr(module, "make_loop_policy", make)
    assert Recursion.from_conf(conf).policy is built[0]
    assert len(built) == 1


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"loop_policy": "schedul"}, "loop_policy='schedul' is none of.*Did you mean 'schedule'"),
        ({"num_loops": 10**30}, "num_loops must be at most 10000, not 1000"),
        (
            {"loop_policy": "uniform", "loop_policy_conf": {"min_loops": 1, "max_loops": 10**9}},
            "max_loops must be at most 10000",
        ),
        ({"interctc_loops": [6]}, "interctc_loops must be .* between 1 and 5"),
    ],
)
def test_impossible_recursions(conf, message):
    with pytest.raises(ValueError, match=message):
        Recursion.from_conf(conf)


@pytest.mark.parametrize(
    ("conf", "loops"),
    [
        ({"loop_policy": "schedule"}, 20),
        ({"loop_policy": "schedule", "num_loops": 5}, 5),
        ({"loop_policy": "schedule", "loop_policy_conf": {"end": 7}, "num_blocks": 8}, 7),
        ({"loop_policy": "uniform", "loop_policy_conf": {"min_loops": 1, "max_loops": 6}}, 6),
        ({"loop_policy": "fixed"}, 5),
    ],
)
def test_a_policy_says_how_deep_inference_is(conf, loops):
    assert (
        RecursionShape.from_conf(conf).num_loops
        == Recursion.from_conf(conf).shape.num_loops
        == loops
    )
