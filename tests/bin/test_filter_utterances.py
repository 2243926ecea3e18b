"""The command of stage 4."""

import pytest

from espnet_recursive.bin.filter_utterances import main
from espnet_recursive.recipe.data_dir import read_table


def test_options(recipe_dir):
    """Between 0.8 and 2.5 s: not GO (0.7 s) and not a date (2.8 s)."""
    kept = read_table(recipe_dir / "dump" / "raw" / "train" / "text")
    assert list(kept.values()) == ["YES", "START", "ELEVEN SEVENTEEN FIFTY ONE"]


def test_nothing_left(recipe_dir, tmp_path):
    source = recipe_dir / "dump" / "raw" / "org" / "train"
    with pytest.raises(SystemExit, match="Error: No utterance"):
        main([str(source), str(tmp_path / "out"), "--min_seconds", "10"])
