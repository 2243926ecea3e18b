"""Names of devices; which there are is said by torch, and here by the test."""

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.model.device import usable_device


@pytest.fixture
def machine(monkeypatch):
    """A function that says what the machine has."""

    def has(gpus=0, mps=False):
        monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
        monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: mps)

    return has


def test_the_best_that_there_is(machine):
    for gpus, mps, best in ((2, False, "cuda"), (0, True, "mps"), (0, False, "cpu")):
        machine(gpus, mps)
        assert usable_device("auto") == best


def test_those_that_there_are(machine):
    machine(2, True)
    for name in ("cpu", "cuda", "cuda:0", "cuda:1", "mps"):
        assert usable_device(name) == name
    with pytest.raises(
        UserError, match="--device cuda:2: this machine has 2 GPUs, cuda:0 to cuda:1"
    ):
        usable_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_those_that_there_are_not(machine, name):
    machine()
    with pytest.raises(UserError, match=f"--device {name}: .*--device auto or cpu"):
        usable_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cpu:0", "mps:0", "cuda:-1", ""])
def test_names_that_are_none(machine, name):
    machine(2, True)
    with pytest.raises(UserError, match="expected auto, cpu, cuda"):
        usable_device(name)
