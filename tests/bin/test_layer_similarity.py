"""The command that compares layers."""

import json

import numpy as np
import pytest

from espnet_recursive.bin.layer_similarity import main
from tests.publish.conftest import private_home, recipe  # noqa: F401

FILES = ("_cosine.csv", "_cka.csv", ".json", ".npz", ".png", ".svg")


def test_a_recursive_model(recipe, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "out"
    cmd = ["--model", recipe.asr, "--data_dir", recipe.data["train"], "--output_dir", out]
    main(list(map(str, cmd)))
    printed = capsys.readouterr().out
    assert "8 executed layers, 5 utterances (train)" in printed
    assert printed.endswith(f"The encoder recurs already, {{2, 3, 1, 1}}.\n{out}\n")
    for name in FILES:
        assert (out / f"layer_similarity{name}").stat().st_size > 100
    main([*map(str, cmd), "--num_loops", "1", "--cka_frames", "50"])
    assert "4 executed layers" in capsys.readouterr().out
    content = json.loads((out / "layer_similarity.json").read_text())
    assert content["cka_frames"] == 50
    labels = np.load(out / "layer_similarity.npz")["labels"]
    assert labels.tolist() == ["in", "P1", "1.1", "1.2", "C1"]


def test_a_stock_model(recipe, tmp_path, capsys):  # noqa: F811
    conf = {"output_size": 16, "attention_heads": 2, "num_blocks": 5}
    exp = recipe.train_asr("asr_stock_similarity", "branchformer", conf)
    files = list(map(str, recipe.audio[:2]))
    cmd = ["--model", str(exp), "--audio", *files, "--output_dir", str(tmp_path)]
    main(cmd)
    printed = capsys.readouterr().out
    assert "5 executed layers, 2 utterances (2 files)" in printed
    assert "Suggestion, {n_r, L, n_p, n_c}: {1, " in printed
    with pytest.raises(SystemExit, match="BranchformerEncoder, runs each layer once"):
        main([*cmd, "--num_loops", "3"])


def test_audio_or_a_data_directory(capsys):
    with pytest.raises(SystemExit):
        main(["--model", "exp", "--output_dir", "out"])
    assert "one of the arguments --audio --data_dir is required" in capsys.readouterr().err
