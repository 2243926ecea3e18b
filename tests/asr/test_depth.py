"""The depth at inference as options."""

import argparse
from types import SimpleNamespace

import pytest

from espnet_recursive.asr.depth import DEPTH_OPTIONS, Depth, add_depth_options, given_depth
from espnet_recursive.errors import UserError
from espnet_recursive.recursion.exit_criterion import ExitRule


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_loops": 0}, "num_loops must be an integer of 1 or more, not 0"),
        ({"num_loops": "3"}, "num_loops must be an integer of 1 or more, not '3'"),
        ({"num_loops": True}, "num_loops must be an integer of 1 or more, not True"),
        ({"num_loops": 2.0}, "num_loops must be an integer"),
        ({"loop_exit": "laten"}, "loop_exit='laten' is none of latent, kl, labels, acceleration"),
        ({"loop_exit": "latent"}, "loop_exit=latent needs loop_exit_threshold"),
        ({"loop_exit_threshold": 0.1}, "loop_exit_threshold needs loop_exit,"),
        ({"loop_exit_min": 2}, "loop_exit_min needs loop_exit,"),
        (
            {"loop_exit": "kl", "loop_exit_threshold": -0.1},
            "loop_exit_threshold must be a number of 0 or more, not -0.1",
        ),
        ({"loop_exit": "kl", "loop_exit_threshold": float("nan")}, "0 or more, not nan"),
        ({"loop_exit": "kl", "loop_exit_threshold": "low"}, "0 or more, not 'low'"),
        (
            {"loop_exit": "kl", "loop_exit_threshold": 0.1, "loop_exit_min": 0},
            "loop_exit_min must be an integer of 1 or more, not 0",
        ),
    ],
)
def test_what_cannot_be_names_the_option(options, message):
    with pytest.raises(UserError, match=message):
        Depth(**options)


class Encoder:
    """Notes what it is told."""

    def set_depth(self, *given):
        self.given = given


def test_an_encoder_is_told():
    model = SimpleNamespace(encoder=Encoder(), ctc=object())
    Depth(4, "labels", 0.1, 2).apply(model)
    assert model.encoder.given == (4, ExitRule("labels", 0.1, 2), model.ctc)
    Depth(loop_exit="kl", loop_exit_threshold=0.1).apply(model)
    assert model.encoder.given == (None, ExitRule("kl", 0.1, 1), model.ctc)
    Depth().apply(model)  # what was said before holds no more
    assert model.encoder.given == (None, None, model.ctc)


def test_an_encoder_without_loops_is_not_told():
    model = SimpleNamespace(encoder=object())
    Depth().apply(model)
    with pytest.raises(UserError, match="num_loops=2: the model's encoder, object, runs each"):
        Depth(num_loops=2).apply(model)


def test_options_of_a_command():
    parser = argparse.ArgumentParser()
    parser.add_argument("--other", default=1)
    add_depth_options(parser)
    options = ["--num_loops", "3", "--loop_exit", "kl", "--loop_exit_threshold", "inf"]
    given = given_depth(vars(parser.parse_args(options)))
    assert given == {"num_loops": 3, "loop_exit": "kl", "loop_exit_threshold": float("inf")}
    assert Depth(**given).loop_exit_min is None
    assert given_depth(vars(parser.parse_args([]))) == {}
    assert set(vars(parser.parse_args([]))) == {"other", *DEPTH_OPTIONS}
