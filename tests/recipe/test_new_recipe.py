"""A recipe's folder by itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.new_recipe import new_recipe, recipes

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("source", recipes())
def test_it_stands_by_itself(source, tmp_path):
    folder = tmp_path / "a corpus"
    new_recipe(folder, source)
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    assert not (folder / "exp").exists() and (folder / "conf/encoder").is_dir()
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    for script in ["./run.sh", *(["./run_paper.sh"] if (folder / "run_paper.sh").exists() else [])]:
        result = subprocess.run(
            [script, "--help"], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        assert "--encoder_config" in result.stdout or "--rows" in result.stdout


def test_nothing_is_overwritten(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path} is there already"):
        new_recipe(tmp_path, "an4")
    with pytest.raises(UserError, match="--from librispech: .* Did you mean 'librispeech'"):
        new_recipe(tmp_path / "new", "librispech")
    assert list(tmp_path.iterdir()) == []


def test_data_of_the_checkout_are_left(tmp_path, monkeypatch):
    source = tmp_path / "source"
    for name in ("data/train/text", "exp/model/1epoch.pth", "exp_100/a", "local/data.sh", "run.sh"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr("espnet_recursive.recipe.new_recipe.recipes", lambda: {"x": source})
    new_recipe(tmp_path / "new", "x")
    found = {str(p.relative_to(tmp_path / "new")) for p in (tmp_path / "new").rglob("*")}
    assert found == {"local", "local/data.sh", "run.sh"}
