"""What is kept in a checkpoint's file, and bits that are not what was written."""

import random
import zipfile
from pathlib import Path

import pytest
import torch
from espnet2.torch_utils.safe_torch_load import safe_torch_load

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import (
    add_note,
    check_checksums,
    content_of,
    is_zip,
    read_note,
)

WEIGHTS = {f"layers.{n}.weight": torch.randn(8, 4) for n in range(6)} | {"n": torch.tensor(3)}


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    torch.save(WEIGHTS, tmp_path / "model.pth")
    return tmp_path / "model.pth"


def same(weights, others=WEIGHTS):
    return weights.keys() == others.keys() and all(
        torch.equal(value, others[name]) for name, value in weights.items()
    )


def test_a_note_stays_with_the_weights(checkpoint, tmp_path):
    assert read_note(checkpoint) is None
    add_note(checkpoint, "trained with ünïcode")
    copy = tmp_path / "copy.pth"
    copy.write_bytes(checkpoint.read_bytes())
    assert read_note(copy) == "trained with ünïcode"
    check_checksums(copy)


@pytest.mark.parametrize("options", [{}, {"mmap": True}, {"map_location": "meta"}], ids=str)
def test_pytorch_and_espnet_read_the_weights_as_before(checkpoint, options):
    add_note(checkpoint, "note")
    loaded = torch.load(checkpoint, weights_only=True, **options)
    assert loaded.keys() == WEIGHTS.keys()
    assert "map_location" in options or same(loaded)
    assert same(safe_torch_load(checkpoint))


def test_the_old_format_has_no_place_for_a_note_and_no_checksums(tmp_path):
    old = tmp_path / "old.pth"
    torch.save(WEIGHTS, old, _use_new_zipfile_serialization=False)
    before = old.read_bytes()
    add_note(old, "note")
    assert old.read_bytes() == before and not is_zip(old) and read_note(old) is None
    check_checksums(old)


def test_files_without_checksums_are_taken(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(WEIGHTS, tmp_path / "model.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    check_checksums(tmp_path / "model.pth")


def test_no_flipped_bit_gives_other_weights_in_silence(checkpoint):
    """Of the file's places each of 400 is flipped; PyTorch alone takes many of them."""
    add_note(checkpoint, "note")
    whole = checkpoint.read_bytes()
    draw = random.Random(0)
    refused = harmless = taken_by_pytorch = 0
    for number in range(400):
        damaged = bytearray(whole)
        place = draw.randrange(len(whole))
        damaged[place] ^= 1 << draw.randrange(8)
        path = checkpoint.with_name(f"{number}.pth")
        path.write_bytes(damaged)
        try:
            weights = torch.load(path, weights_only=True)
        except Exception:
            weights = None
        taken_by_pytorch += weights is not None and not same(weights)
        try:
            check_checksums(path)
        except UserError as error:
            assert str(path) in str(error) and "copy or download it again" in str(error)
            refused += 1
        else:
            assert weights is None or same(weights), place
            harmless += 1
        path.unlink()
    assert taken_by_pytorch > 20, "then there would be nothing to check"
    assert refused > taken_by_pytorch and refused + harmless == 400


def test_the_part_that_is_damaged_is_named(checkpoint):
    whole = checkpoint.read_bytes()
    with zipfile.ZipFile(checkpoint) as archive:
        member = next(m for m in archive.infolist() if m.filename.endswith("data/2"))
    damaged = bytearray(whole)
    damaged[whole.index(WEIGHTS["layers.2.weight"].numpy().tobytes())] ^= 1
    checkpoint.write_bytes(damaged)
    with pytest.raises(UserError, match=f"the checksum of its part {member.filename} is wrong"):
        check_checksums(checkpoint)


def test_a_file_that_changes_is_looked_at_again(checkpoint):
    check_checksums(checkpoint)
    damaged = bytearray(checkpoint.read_bytes())
    damaged[damaged.index(WEIGHTS["layers.2.weight"].numpy().tobytes())] ^= 1
    checkpoint.write_bytes(damaged)
    with pytest.raises(UserError, match="damaged"):
        check_checksums(checkpoint)


@pytest.mark.parametrize("call", [check_checksums, read_note])
def test_files_that_are_cut_off_or_not_there(checkpoint, call):
    checkpoint.write_bytes(checkpoint.read_bytes()[:-40])
    with pytest.raises(UserError, match="model.pth is damaged"):
        call(checkpoint)
    with pytest.raises(UserError, match="none.pth cannot be read: No such file"):
        call(checkpoint.with_name("none.pth"))


def test_content_is_that_of_the_weights(checkpoint, tmp_path):
    content = content_of(checkpoint)
    torch.save(WEIGHTS, tmp_path / "another_name.pth")
    add_note(tmp_path / "another_name.pth", "note")
    assert content_of(tmp_path / "another_name.pth") == content
    torch.save(WEIGHTS | {"n": torch.tensor(4)}, tmp_path / "model.pth")
    assert content_of(tmp_path / "model.pth") != content
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(text)
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b") != content_of(tmp_path / "c")
