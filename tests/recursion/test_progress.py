"""Progress of a training: epochs, steps and passes, as a trainer makes them."""

import copy
import gc
import pickle

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from espnet_recursive.recursion.loop_policy_base import Progress
from espnet_recursive.recursion.progress import TrainingProgress


class Model(torch.nn.Module):
    """Counts its training passes as an encoder does."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 3)
        self.progress = TrainingProgress()
        self.seen: list[Progress] = []

    def forward(self, x):
        if self.training:
            self.seen.append(self.progress.begin(self.linear))
        return self.linear(x)


def train(model, optimizer, epochs, batches=4, accum_grad=2, forward=None):
    """What ESPnet's trainer does in an epoch: training, then validation."""
    forward = forward or model
    for _ in range(epochs):
        model.train()
        for batch in range(batches):
            forward(torch.ones(2, 3)).square().sum().backward()
            if (batch + 1) % accum_grad == 0:
                optimizer.step()
                optimizer.zero_grad()
        model.eval()
        with torch.no_grad():
            model(torch.ones(2, 3))


def expected(epochs, batches=4, accum_grad=2):
    return [Progress(1 + n // batches, n // accum_grad, n) for n in range(epochs * batches)]


OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1),
    "adam": lambda p: torch.optim.Adam(p, 0.1),
    "foreach": lambda p: torch.optim.AdamW(p, 0.1, foreach=True),
    "fused": lambda p: torch.optim.Adam(p, 0.1, fused=True),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_epochs_steps_and_passes(name):
    model = Model()
    train(model, OPTIMISERS[name](model.parameters()), epochs=3)
    assert model.seen == expected(3)


def test_a_checkpoint_goes_on_as_if_it_had_never_stopped():
    """Saved where ESPnet saves: after validation, with a step after the last training pass."""
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    train(model, optimizer, epochs=2)
    states = copy.deepcopy(model.state_dict())
    resumed = Model()
    resumed.load_state_dict(states)
    train(resumed, torch.optim.SGD(resumed.parameters(), 0.1), epochs=1)
    assert model.seen + resumed.seen == expected(3)
    # And the one that was saved itself, too.
    train(model, optimizer, epochs=1)
    assert model.seen == expected(3)


def test_the_state_is_one_tensor_of_integers():
    model = Model()
    train(model, torch.optim.SGD(model.parameters(), 0.1), epochs=2)
    state = model.state_dict()["progress._extra_state"]
    assert state.dtype == torch.int64 and state.tolist() == [2, 4, 8, 1]


def test_a_pass_that_is_computed_again_is_no_new_one():
    for use_reentrant in (False, True):
        model = Model()

        def forward(x, model=model, use_reentrant=use_reentrant):
            return checkpoint(model, x.requires_grad_(), use_reentrant=use_reentrant)

        train(model, torch.optim.SGD(model.parameters(), 0.1), epochs=2, forward=forward)
        again = [progress for progress in expected(2) for _ in range(2)]
        assert model.seen == again, f"use_reentrant={use_reentrant}"


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_step_that_mixed_precision_skips_is_none(name):
    """With torch's scaler: a fused optimiser is called for that step, too, and skips it itself."""
    model = Model()
    model.train()
    optimizer = OPTIMISERS[name](model.parameters())
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    weights = []
    for factor in (1.0, float("inf"), 1.0, 1.0):
        scaler.scale(factor * model(torch.ones(1, 3)).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        weights.append(model.linear.weight.detach().clone())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
    assert [progress.step for progress in model.seen] == [0, 1, 1, 2]


def test_the_trainers_epoch_goes_before_the_own_count():
    """A trainer that validates within an epoch, and one that never calls train()."""
    model = Model()
    for epoch in (4, 5):
        model.progress.begin_epoch(epoch)
        for _ in range(3):
            model.train()
            model(torch.ones(1, 3))
            model.eval()
            model.training = True
            model(torch.ones(1, 3))
    assert [progress.epoch for progress in model.seen] == [4] * 6 + [5] * 6


def test_an_average_of_checkpoints_has_the_mean():
    """ESPnet's averages add up what is of integers, and do not divide it."""
    model, states = Model(), []
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(3):
        train(model, optimizer, epochs=2)
        states.append(model.state_dict()["progress._extra_state"])
    averaged = Model()
    averaged.load_state_dict(model.state_dict() | {"progress._extra_state": sum(states)})
    assert averaged.state_dict()["progress._extra_state"].tolist() == states[1].tolist()
    train(averaged, torch.optim.SGD(averaged.parameters(), 0.1), epochs=1)
    assert averaged.seen[0] == Progress(5, 8, 16)


def test_older_checkpoints_have_three_numbers():
    progress = TrainingProgress()
    progress.set_extra_state(torch.tensor([3, 14, 15]))
    assert progress.get_extra_state().tolist() == [3, 14, 15, 1]


def test_a_model_that_is_pickled_goes_on():
    model = Model()
    train(model, torch.optim.SGD(model.parameters(), 0.1), epochs=1)
    twin = pickle.loads(pickle.dumps(model))
    train(twin, torch.optim.SGD(twin.parameters(), 0.1), epochs=1)
    assert twin.seen == expected(2)


def test_a_model_that_is_gone_counts_no_steps():
    progress, linear = TrainingProgress(), torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(linear.parameters(), 0.1)
    progress.begin(linear)
    other = torch.nn.Linear(2, 2)
    torch.optim.SGD(other.parameters(), 0.1).step()
    assert progress.get_extra_state().tolist()[1] == 0
    del linear, optimizer
    gc.collect()
    torch.optim.SGD(other.parameters(), 0.1).step()
    assert progress.get_extra_state().tolist()[1] == 0


def test_a_copy_counts_on_its_own():
    model = Model()
    train(model, torch.optim.SGD(model.parameters(), 0.1), epochs=1)
    twin = copy.deepcopy(model)
    twin.train()
    twin(torch.ones(1, 3))
    assert twin.seen[-1] == Progress(2, 2, 4)
    assert model.state_dict()["progress._extra_state"].tolist() == [1, 2, 4, 1]


def test_evaluation_counts_nothing():
    model = Model().eval()
    model(torch.ones(1, 3))
    assert model.progress.now is None
    assert model.state_dict()["progress._extra_state"].tolist() == [0, 0, 0, 1]


def test_replicas_of_data_parallel_are_refused():
    progress = TrainingProgress()
    progress._is_replica = True  # as torch.nn.parallel.replicate does
    with pytest.raises(RuntimeError, match="--multiprocessing_distributed true"):
        progress.begin(torch.nn.Linear(1, 1))
