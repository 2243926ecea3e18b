"""The command that follows the loops."""

import pytest

from espnet_recursive.bin.loop_trajectories import main
from tests.publish.conftest import private_home, recipe  # noqa: F401


def test_beyond_the_trained_depth(recipe, tmp_path, capsys):  # noqa: F811
    cmd = ["--model", recipe.asr, "--data_dir", recipe.data["train"], "--output_dir", tmp_path]
    main([*map(str, cmd), "--num_loops", "6", "--max_utterances", "3"])
    printed = capsys.readouterr().out
    assert "3 loops as configured, 6 run; 3 utterances (train)" in printed
    assert "| 3 (trained) |" in printed and "After 6 loops the state lies" in printed
    for suffix in (".csv", ".json", ".png", ".svg"):
        assert (tmp_path / f"loop_trajectories{suffix}").stat().st_size > 500
    main(list(map(str, cmd)))
    assert "3 loops as configured, 3 run; 5 utterances" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="--num_loops 2: the model was trained with 3"):
        main([*map(str, cmd), "--num_loops", "2"])


def test_a_stock_model(recipe, tmp_path):  # noqa: F811
    conf = {"output_size": 16, "attention_heads": 2, "linear_units": 32, "num_blocks": 2}
    exp = recipe.train_asr("asr_stock_trajectories", "transformer", conf)
    cmd = ["--model", exp, "--data_dir", recipe.data["train"], "--output_dir", tmp_path]
    with pytest.raises(SystemExit, match="runs each layer once. Name a model that recurs"):
        main(list(map(str, cmd)))
