"""Checkpoints in half precision."""

import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import add_note, check_checksums, read_note
from espnet_recursive.publish.half_weights import write_half


def test_matrices_are_halved_and_all_else_stays(tmp_path):
    weights = {
        "linear.weight": torch.randn(300, 300),
        "norm.running_var": torch.full((3,), 1e-9),
        "norm.num_batches_tracked": torch.tensor(7),
        "positions": torch.arange(6).reshape(2, 3),
    }
    torch.save(weights, tmp_path / "a.pth")
    add_note(tmp_path / "a.pth", "a note")
    write_half(tmp_path / "a.pth", tmp_path / "b.pth")
    check_checksums(tmp_path / "b.pth")
    assert read_note(tmp_path / "b.pth") == "a note"
    half = torch.load(tmp_path / "b.pth")
    assert half.pop("linear.weight").equal(weights["linear.weight"].half())
    assert all(value.dtype == weights[name].dtype for name, value in half.items())
    assert all(torch.equal(value, weights[name]) for name, value in half.items())
    sizes = [(tmp_path / name).stat().st_size for name in ("a.pth", "b.pth")]
    assert sizes[1] < 0.52 * sizes[0]


def test_a_value_that_float16_does_not_have(tmp_path):
    torch.save({"linear.weight": torch.tensor([[1.0, 1e5]])}, tmp_path / "a.pth")
    with pytest.raises(UserError, match="linear.weight holds values that are too large"):
        write_half(tmp_path / "a.pth", tmp_path / "b.pth")
    assert not (tmp_path / "b.pth").exists()
