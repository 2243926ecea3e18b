"""Files that decoding reads, whole and damaged."""

import numpy as np
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.model.config_files import check_config_files
from espnet_recursive.model.schema import read_model_config


@pytest.fixture
def config(recipe, monkeypatch):
    monkeypatch.chdir(recipe.root)
    return read_model_config(recipe.asr / "config.yaml")


def refuses(config, message):
    with pytest.raises(UserError, match=message):
        check_config_files(config, "config.yaml")


def test_those_of_a_training(config):
    check_config_files(config, "config.yaml")


def test_a_moved_experiment(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuses(config, "config.yaml: bpemodel is data/en/bpe30/bpe.model, .* not there.*was\\s*moved")


def test_a_damaged_sentencepiece_model(config, tmp_path):
    whole = open(config["bpemodel"], "rb").read()
    for number, content in enumerate((b"", b"text", whole[: len(whole) // 3])):
        path = tmp_path / f"{number}.model"
        path.write_bytes(content)
        refuses(config | {"bpemodel": str(path)}, f"bpemodel is .*{number}.model, which")


def test_kaldis_statistics(config, tmp_path):
    """A matrix of sums and of sums of squares, which ESPnet reads too."""
    np.save(tmp_path / "cmvn.npy", np.ones((2, 81)))
    conf = {"normalize_conf": {"stats_file": str(tmp_path / "cmvn.npy")}}
    check_config_files(config | conf, "config.yaml")


def test_damaged_statistics(config, tmp_path):
    whole = open(config["normalize_conf"]["stats_file"], "rb").read()
    (tmp_path / "stats.npz").write_bytes(whole[:-50])
    conf = {"normalize_conf": {"stats_file": str(tmp_path / "stats.npz")}}
    refuses(config | conf, "stats_file is .*stats.npz, which holds no sums of features, or was cut")


def test_what_is_not_read_may_be_missing(config):
    check_config_files(config | {"token_type": "char", "bpemodel": "none.model"}, "c")
    other = {"normalize": "utterance_mvn", "normalize_conf": {"stats_file": "none"}}
    check_config_files(config | other, "c")
