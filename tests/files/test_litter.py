"""Names that no corpus gives."""

from pathlib import Path

import pytest

from espnet_recursive.files.litter import is_litter


@pytest.mark.parametrize("name", [".DS_Store", "._x.wav", "@eaDir", "__MACOSX", "Thumbs.db"])
def test_litter(name):
    assert is_litter(Path("corpus") / name)


@pytest.mark.parametrize("name", ["x.wav", "S0002", "_x.wav", "x._y.wav", ".x"])
def test_files_of_a_corpus(name):
    assert not is_litter(Path("@eaDir") / name)
