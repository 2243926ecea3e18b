"""The folder of a converted model."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from espnet_recursive.convert.experiment import check_new, write_experiment
from espnet_recursive.convert.report import ConversionReport, sizes
from espnet_recursive.convert.to_stock import to_stock
from espnet_recursive.errors import UserError
from espnet_recursive.model.closeness import Closeness
from espnet_recursive.model.loaded_model import load_asr_model
from espnet_recursive.publish.pack import Publication, TrainedModel, pack
from tests.publish.experiments import working_directory


def write(model, output):
    source = load_asr_model(model)
    converted = to_stock(source)
    closeness = Closeness("one.wav", 1, 0.0, 0.0, 1.0, 1.0)
    report = ConversionReport(source.name, "how", *sizes(source.model, converted.model), closeness)
    write_experiment(output, source, converted, report)
    return yaml.safe_load((output / "config.yaml").read_text())


def test_all_that_is_in_it(recipe, tmp_path):
    output = tmp_path / "deep" / "out"
    config = write(recipe / "exp/recursive", output)
    assert sorted(path.name for path in output.iterdir()) == [
        "config.yaml",
        "conversion.json",
        "conversion.md",
        "encoder.yaml",
        "feats_stats.npz",
        "valid.acc.ave.pth",
    ]
    assert config["normalize_conf"]["stats_file"] == str(output / "feats_stats.npz")
    stats = (recipe / "exp/stats/feats_stats.npz").read_bytes()
    assert (output / "feats_stats.npz").read_bytes() == stats
    assert config["output_dir"] == str(output)
    encoder = yaml.safe_load((output / "encoder.yaml").read_text())
    assert encoder == {key: config[key] for key in ("encoder", "encoder_conf")}
    assert encoder["encoder"] == "transformer"
    assert json.loads((output / "conversion.json").read_text())["closeness"]["cosine"] == 1
    before = yaml.safe_load((recipe / "exp/recursive/config.yaml").read_text())
    changed = {key for key in before if before[key] != config[key]}
    assert changed == {"encoder", "encoder_conf", "normalize_conf", "output_dir"}
    weights = torch.load(output / "valid.acc.ave.pth", weights_only=True)
    assert all(torch.is_tensor(weight) for weight in weights.values())


def test_paths_start_where_those_of_the_recipe_do(recipe, tmp_path):
    root = tmp_path / "recipe"
    shutil.copytree(recipe / "exp", root / "exp", symlinks=True)
    with working_directory(root):
        config = write(Path("exp/recursive"), Path("exp/out"))
    assert config["normalize_conf"]["stats_file"] == "exp/out/feats_stats.npz"
    assert load_asr_model(root / "exp/out").encoder == "transformer"


def test_from_a_pack(recipe, tmp_path, monkeypatch):
    """Its files lie in a cache, which may be emptied."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = {"asr_train_config": "config.yaml", "asr_model_file": "3epoch.pth"}
    model = TrainedModel(**{key: recipe / "exp/recursive" / f for key, f in files.items()})
    with working_directory(recipe):
        pack(model, Publication("cc-by-4.0"), tmp_path / "model.zip")
    output = tmp_path / "out"
    write(tmp_path / "model.zip", output)
    shutil.rmtree(tmp_path / "cache")
    text = (output / "config.yaml").read_text()
    assert str(tmp_path / "cache") not in text
    assert load_asr_model(output).encoder == "transformer"


def test_an_old_folder_is_not_touched(recipe, tmp_path):
    check_new(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    check_new(tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(UserError, match="exists: name a new folder"):
            write(recipe / "exp/recursive", folder)
    assert (tmp_path / "file").read_text() == "mine"


def test_whole_or_not_at_all(recipe, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("the disk broke")

    monkeypatch.setattr(torch, "save", fails)
    with pytest.raises(RuntimeError):
        write(recipe / "exp/recursive", tmp_path / "out")
    assert not list(tmp_path.iterdir())
