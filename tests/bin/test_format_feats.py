"""The command of stage 3 for features."""

import pytest

from espnet_recursive.bin import filter_utterances, prepare_data
from espnet_recursive.bin.format_feats import main
from espnet_recursive.recipe.data_dir import read_table
from tests.corpora.miniature import build_an4


def test_from_the_corpus_to_training_data(tmp_path):
    corpus = build_an4(tmp_path / "an4", ".mfc")
    options = ["--corpus_dir", str(corpus), "--deltas", "true"]
    prepare_data.main(["an4", "--data_dir", str(tmp_path / "data"), *options])
    main([str(tmp_path / "data/train_nodev"), str(tmp_path / "org")])
    assert (tmp_path / "org/feats_dim").read_text() == "39\n"
    # The shortest of the three is START, with 1.1 s.
    options = ["--fs", "100", "--min_seconds", "1.2"]
    filter_utterances.main([str(tmp_path / "org"), str(tmp_path / "out"), *options])
    assert list(read_table(tmp_path / "out/text").values()) == [
        "MARCH THIRD NINETEEN TWENTY EIGHT",
        "ELEVEN SEVENTEEN FIFTY ONE",
    ]


def test_errors_are_messages(tmp_path):
    with pytest.raises(SystemExit, match=r"Error: .*feats\.scp does not exist"):
        main([str(tmp_path), str(tmp_path / "org")])
