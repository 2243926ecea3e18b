"""The inputs and the kinds of work."""

import copy

import pytest
import torch

from benchmarks.encoders.rows import recursive
from benchmarks.encoders.work import Encoder, Work


def test_batches_are_the_same_for_all_and_differ_in_length():
    work = Work("inference", 3, 120)
    (xs, ilens), (again, _), (other, _) = (work.batch(n, "cpu") for n in (1, 1, 2))
    assert torch.equal(xs, again)
    assert xs.shape == (3, 116, 80) and other.shape == (3, 112, 80)
    assert ilens.tolist() == [100, 108, 116]


def test_one_utterance_has_no_padding():
    xs, ilens = Work("inference", 1, 200).batch(0, "cpu")
    assert xs.shape[1] == ilens.item() == 200


@pytest.mark.parametrize("kind", ["inference", "training"])
def test_only_training_changes_weights(rows, kind):
    module = recursive(rows, "L1", {})
    before = copy.deepcopy(module.state_dict())
    work = Work(kind, 2, 40)
    work.start(Encoder(module))(work.batch(0, "cpu"))
    same = [
        torch.equal(a, b)
        for a, b in zip(before.values(), module.state_dict().values(), strict=True)
    ]
    assert all(same) == (kind == "inference")
    assert all(parameter.grad is None for parameter in module.parameters())


def test_autocast(rows):
    encoder = Encoder(recursive(rows, "L1", {}), autocast=torch.bfloat16)
    types = []
    encoder.module.encoders.prelude[0].feed_forward.w_1.register_forward_hook(
        lambda module, args, out: types.append(out.dtype)
    )
    with torch.no_grad():
        encoder(Work("inference", 1, 40).batch(0, "cpu"))
    assert types == [torch.bfloat16]
