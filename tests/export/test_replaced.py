"""What was replaced comes back, whatever happens within."""

import pytest
import torch

from espnet_recursive.export.replaced import replaced, tensors_replaced


class Thing:
    inherited = 1

    def __init__(self) -> None:
        self.own = 2


@pytest.mark.parametrize("name", ["inherited", "own"])
def test_attributes(name):
    thing = Thing()
    before = dict(vars(thing))
    with pytest.raises(KeyError), replaced(thing, name, 3):
        assert getattr(thing, name) == 3
        raise KeyError
    assert vars(thing) == before


def test_tensors():
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1)).eval()
    before = dict(module.state_dict(keep_vars=True))
    others = {"0.weight": torch.ones(1, 2), "0.bias": torch.zeros(1), "1.running_mean": 3.0}
    others["1.running_mean"] = torch.full((1,), 3.0)
    with pytest.raises(KeyError), tensors_replaced(module, others):
        x = torch.tensor([[1.0, 2.0]])
        expected = torch.func.functional_call(module, {}, x)
        assert expected.abs() < 1e-6  # 1 + 2 - 3
        raise KeyError
    after = module.state_dict(keep_vars=True)
    assert all(after[name] is value for name, value in before.items())


def test_a_tensor_that_is_not_there():
    module = torch.nn.Linear(2, 1)
    weight = module.weight
    with (
        pytest.raises(KeyError),
        tensors_replaced(module, {"weight": torch.ones(1, 2), "none": torch.ones(1)}),
    ):
        pass
    assert module.weight is weight
