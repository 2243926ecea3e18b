"""A published model as an experiment that the stages of decoding take."""

from pathlib import Path

import pytest
import yaml

from espnet_recursive import Speech2Text
from espnet_recursive.errors import UserError
from espnet_recursive.publish.download_model import STAMP, download_model
from tests.publish.experiments import FAST, change_member, change_yaml


def test_the_experiment_decodes(packed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exp = Path("exp/downloaded")
    names = download_model(str(packed), exp)
    assert names["inference_asr_model"] == names["inference_lm"] == "3epoch.pth"
    assert (
        names["token_type"] == "bpe"
        and names["fs"] == "16000"
        and Path(names["bpemodel"]).is_file()
    )
    model = Speech2Text(
        exp / "config.yaml",
        exp / names["inference_asr_model"],
        lm_train_config=exp / "lm" / "config.yaml",
        lm_file=exp / "lm" / names["inference_lm"],
        **FAST,
    )
    assert str(model.asr_model.encoder.shape) == "{2, 3, 1, 1}"
    stats = yaml.safe_load((exp / "config.yaml").read_text())["normalize_conf"]["stats_file"]
    assert Path(stats).is_absolute()


def test_again_changes_nothing(packed, tmp_path):
    download_model(str(packed), tmp_path / "exp")
    (tmp_path / "exp" / "decode").mkdir()
    before = {path: path.lstat().st_mtime_ns for path in (tmp_path / "exp").rglob("*.[yjp]*")}
    download_model(str(packed), tmp_path / "exp")
    assert len(before) == 5
    assert {path: path.lstat().st_mtime_ns for path in before} == before
    assert (tmp_path / "exp" / "decode").is_dir()


def test_other_weights_change_the_stamp(pack_copy, tmp_path):
    """Else stages would keep what the model of before recognised."""
    download_model(str(pack_copy), tmp_path / "exp")
    before = (tmp_path / "exp" / STAMP).read_text()
    change_yaml(pack_copy, "meta.yaml", note="packed again")
    download_model(str(pack_copy), tmp_path / "exp")
    assert (tmp_path / "exp" / STAMP).read_text() != before


def test_weights_that_do_not_fit(pack_copy, recipe, tmp_path):
    weights = (recipe.asr / "3epoch.pth").read_bytes()
    change_member(pack_copy, "exp/lm/3epoch.pth", lambda _: weights)
    with pytest.raises(UserError, match="lm/3epoch.pth does not fit .*/exp/lm/config.yaml"):
        download_model(str(pack_copy), tmp_path / "exp")
    assert not (tmp_path / "exp").exists()


def test_without_a_language_model(recipe, tmp_path):
    names = download_model(str(recipe.asr), tmp_path / "exp")
    assert names["inference_lm"] == "" and not (tmp_path / "exp" / "lm").exists()
    assert names["inference_asr_model"] == "valid.acc.ave.pth"


def test_a_model_for_a_newer_version(pack_copy, tmp_path):
    change_yaml(pack_copy, "meta.yaml", requires=["espnet_recursive>=9.9"])
    with pytest.raises(UserError, match="needs espnet_recursive>=9.9"):
        download_model(str(pack_copy), tmp_path / "exp")
    assert not (tmp_path / "exp").exists()


def test_an_experiment_of_others_is_not_touched(packed, recipe, tmp_path):
    exp = tmp_path / "exp"
    exp.mkdir()
    (exp / "config.yaml").write_text("mine: true\n")
    with pytest.raises(UserError, match=f"config.yaml is there, and .*no {STAMP}.* another folder"):
        download_model(str(packed), exp)
    assert {path.name: path.read_text() for path in exp.iterdir()} == {
        "config.yaml": "mine: true\n"
    }


def test_weights_of_others_are_not_replaced_by_a_link(packed, tmp_path):
    exp = tmp_path / "exp"
    exp.mkdir()
    (exp / "3epoch.pth").write_bytes(b"weeks of training")
    with pytest.raises(UserError, match="3epoch.pth is there and is no link"):
        download_model(str(packed), exp)
    assert [path.name for path in exp.iterdir()] == ["3epoch.pth"]
    assert (exp / "3epoch.pth").read_bytes() == b"weeks of training"
