"""The number of loops among what a model logs."""

from types import SimpleNamespace

import pytest
import torch

from espnet_recursive.asr.loop_stats import add_loops


def model_of(*loops_run):
    """A model with one module for each count of loops."""
    model = torch.nn.Module()
    for number, loops in enumerate(loops_run):
        module = torch.nn.Module()
        module.loops_run = None if loops is None else torch.tensor(loops)
        model.add_module(str(number), module)
    return model


def output():
    loss = torch.tensor([2.5])
    return loss, {"loss": loss, "acc": None}, torch.tensor([3.0])


@pytest.mark.parametrize(
    ("loops_run", "expected"),
    [
        (([4, 4, 4],), 4.0),
        (([1, 2, 6],), 3.0),
        (([2, 2], None, [6, 6]), 4.0),  # two encoders that loop, and one that always runs as many
    ],
)
def test_the_mean_over_the_batch(loops_run, expected):
    _, stats, _ = add_loops(model_of(*loops_run), None, output())
    assert stats["num_loops"].tolist() == [expected]
    assert stats["num_loops"].dtype == stats["loss"].dtype


def test_loops_that_never_change_are_not_logged():
    assert "num_loops" not in add_loops(model_of(None), None, output())[1]
    assert "num_loops" not in add_loops(model_of(), None, output())[1]


def test_a_trainer_of_its_own_returns_a_dict():
    loss, stats, weight = output()
    result = add_loops(model_of([3]), None, {"loss": loss, "stats": stats, "weight": weight})
    assert result["stats"]["num_loops"].tolist() == [3]


@pytest.mark.parametrize("other", [torch.ones(2), (torch.ones(1), [1]), {"feats": 1}, None])
def test_what_is_no_training_pass_is_left_alone(other):
    assert add_loops(model_of([3]), SimpleNamespace(), other) is other
