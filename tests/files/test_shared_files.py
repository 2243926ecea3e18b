"""Encoder files by name, in a checkout; of the installed package see tests/test_wheel.py."""

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.shared_files import encoder_file, encoder_files, shared_folder


def test_each_is_there_under_one_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the checkout has a conf/encoder, too
    rows, slim, related = encoder_files().values()
    assert {"B", "L1", "loops_schedule"} <= rows.keys()
    assert "L1_slim" in slim and "huginn" in related
    together = rows | slim | related
    assert len(together) == len(rows) + len(slim) + len(related)
    assert set(together.values()) == set(shared_folder("conf").rglob("*.yaml"))
    assert all(encoder_file(name) == path for name, path in together.items())


def test_what_somebody_means(tmp_path, monkeypatch):
    """A file, then the recipe's own encoder of that name, then the package's."""
    monkeypatch.chdir(tmp_path)
    paper = encoder_file("L1")
    own = tmp_path / "conf/encoder/L1.yaml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert encoder_file("L1").resolve() == own != paper
    (tmp_path / "L1").touch()
    assert encoder_file("L1").resolve() == tmp_path / "L1"
    for name, message in (
        (
            "loops_lenght",
            "loops_lenght is no file, nor .* Did you mean 'loops_length'?.* conf list",
        ),
        ("conf/encoder/L2.yaml", "conf/encoder/L2.yaml does not exist$"),
        ("L2.yaml", "L2.yaml does not exist$"),
    ):
        with pytest.raises(UserError, match=message):
            encoder_file(name)
