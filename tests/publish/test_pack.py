"""What is in a pack, who can load it, and what is not packed."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

import espnet_recursive
from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import read_note
from espnet_recursive.publish import pack as module
from espnet_recursive.publish.pack import Publication, TrainedModel, pack
from tests.publish.experiments import (
    ENCODER,
    FAST,
    RECURSION,
    RECURSIVE,
    asr_files,
    working_directory,
)

LICENSED = Publication("cc-by-4.0")


def test_members(packed):
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == [
            "meta.yaml",
            "README.md",
            "exp/asr_recursive/config.yaml",
            "exp/lm/config.yaml",
            "exp/asr_recursive/3epoch.pth",
            "exp/lm/3epoch.pth",
            "data/en/bpe30/bpe.model",
            "exp/stats/feats_stats.npz",
            "exp/asr_recursive/RESULTS.md",
        ]


def test_files_are_what_they_were(packed, recipe):
    with zipfile.ZipFile(packed) as archive:
        for name in archive.namelist()[2:]:
            assert archive.read(name) == (recipe.root / name).read_bytes(), name


def test_meta(packed):
    with zipfile.ZipFile(packed) as archive:
        meta = yaml.safe_load(archive.read("meta.yaml"))
    assert meta["yaml_files"] == {
        "asr_train_config": "exp/asr_recursive/config.yaml",
        "lm_train_config": "exp/lm/config.yaml",
    }
    assert meta["files"] == {
        "asr_model_file": "exp/asr_recursive/3epoch.pth",
        "lm_file": "exp/lm/3epoch.pth",
    }
    assert meta["recursion"] == RECURSION
    version = espnet_recursive.__version__
    assert meta["requires"] == [f"espnet_recursive>={version}", "espnet>=202611"]
    # ESPnet's own keys.
    assert meta["espnet"] == "202611" and meta["torch"] == torch.__version__
    assert {"timestamp", "python"} <= meta.keys()


def test_espnets_own_class_loads_it_and_recognises_the_same(packed, recipe, tmp_path, monkeypatch):
    from espnet2.bin.asr_inference import Speech2Text

    monkeypatch.chdir(tmp_path)
    samples, _ = soundfile.read(recipe.audio[0], dtype="float32")
    theirs = Speech2Text.from_pretrained(str(packed), **FAST)
    ours = espnet_recursive.Speech2Text.from_pretrained(packed, **FAST)
    (text, _, _, hypothesis), (our_text, _, _, our_hypothesis) = (
        theirs(samples)[0],
        ours(samples)[0],
    )
    assert text == our_text and len(text) > 0
    assert float(hypothesis.score) == float(our_hypothesis.score)
    assert str(theirs.asr_model.encoder.shape) == "{2, 3, 1, 1}"
    assert "lm" in theirs.beam_search.full_scorers


def test_half_precision(packed, recipe, tmp_path, monkeypatch):
    """Half the size, the same note; ESPnet's class and ours compute in float32."""
    from espnet2.bin.asr_inference import Speech2Text

    half = tmp_path / "half.zip"
    with working_directory(recipe.root):
        pack(
            TrainedModel(
                **recipe.model,
                lm_train_config=recipe.lm / "config.yaml",
                lm_file=recipe.lm / "3epoch.pth",
            ),
            LICENSED,
            half,
            half_precision=True,
        )
    for name in ("exp/asr_recursive/3epoch.pth", "exp/lm/3epoch.pth"):
        with zipfile.ZipFile(half) as archive, zipfile.ZipFile(packed) as whole:
            (tmp_path / "half.pth").write_bytes(archive.read(name))
            (tmp_path / "whole.pth").write_bytes(whole.read(name))
        assert read_note(tmp_path / "half.pth") == read_note(tmp_path / "whole.pth")
        weights, all_bits = (torch.load(tmp_path / f"{part}.pth") for part in ("half", "whole"))
        for key, value in all_bits.items():
            matrix = value.is_floating_point() and value.dim() > 1
            expected = value.half() if matrix else value
            assert weights[key].dtype == expected.dtype and torch.equal(weights[key], expected)
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(half) as archive:
        assert "stored in float16" in archive.read("README.md").decode()
    samples, _ = soundfile.read(recipe.audio[0], dtype="float32")
    theirs = Speech2Text.from_pretrained(str(half), **FAST)
    ours = espnet_recursive.Speech2Text.from_pretrained(half, **FAST)
    assert {p.dtype for p in theirs.asr_model.parameters()} == {torch.float32}
    assert float(theirs(samples)[0][3].score) == float(ours(samples)[0][3].score)


def test_packed_from_elsewhere(recipe, tmp_path, monkeypatch):
    """Outside of the recipe ESPnet would write absolute paths, which no other machine has."""
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((recipe.asr / "config.yaml").read_text())
    experiment = tmp_path / "moved"
    experiment.mkdir()
    config["bpemodel"] = str(recipe.root / config["bpemodel"])
    config["normalize_conf"]["stats_file"] = str(recipe.root / "exp/stats/feats_stats.npz")
    (experiment / "config.yaml").write_text(yaml.safe_dump(config))
    shutil.copy(recipe.asr / "3epoch.pth", experiment / "valid.acc.ave.pth")
    monkeypatch.chdir("/")
    pack(TrainedModel(**asr_files(experiment)), LICENSED, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        names = archive.namelist()
        assert not [name for name in names if name.startswith("/")]
        written = yaml.safe_load(archive.read(names[2]))
    assert written["bpemodel"] in names and written["normalize_conf"]["stats_file"] in names
    assert written == config | {
        "bpemodel": written["bpemodel"],
        "normalize_conf": written["normalize_conf"],
    }
    assert espnet_recursive.Speech2Text.from_pretrained(tmp_path / "x.zip").tokenizer is not None


def test_names_in_the_pack_have_a_folder(tmp_path, monkeypatch):
    """ESPnet's loader of hub models takes only such names for paths."""
    monkeypatch.chdir(tmp_path)
    for name in ("bpe.model", "exp/a/model.pth"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    members = module._members([Path("bpe.model"), Path("exp/a/model.pth"), Path("exp/a/model.pth")])
    assert list(members.values()) == [f"{tmp_path.name}/bpe.model", "exp/a/model.pth"]
    with monkeypatch.context() as patch:
        patch.chdir("/")
        assert module._members([tmp_path / "exp/a/model.pth"])[tmp_path / "exp/a/model.pth"]


def test_two_files_of_one_name(tmp_path, monkeypatch):
    for root in ("x", "y"):
        (tmp_path / root / "exp").mkdir(parents=True)
        (tmp_path / root / "exp" / "a.txt").touch()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UserError, match="another file would be exp/a.txt in the pack too"):
        module._members([tmp_path / "x/exp/a.txt", tmp_path / "y/exp/a.txt"])


def test_a_stock_encoder_needs_no_plugin(recipe, tmp_path):
    experiment = recipe.train_asr("asr_stock", "transformer", ENCODER | {"num_blocks": 2})
    with working_directory(recipe.root):
        pack(TrainedModel(**asr_files(experiment)), LICENSED, tmp_path / "stock.zip")
    with zipfile.ZipFile(tmp_path / "stock.zip") as archive:
        meta, card = (archive.read(name).decode() for name in ("meta.yaml", "README.md"))
    assert yaml.safe_load(meta)["requires"] == ["espnet>=202611"]
    assert "recursion" not in yaml.safe_load(meta)
    assert "import espnet_recursive  #" not in card and "recursive-transformer" not in card
    assert "a stock ESPnet encoder of 2 layers" in card
    model = espnet_recursive.Speech2Text.from_pretrained(tmp_path / "stock.zip", **FAST)
    assert len(model(np.zeros(16000, dtype="float32"))) == 1


@pytest.fixture
def refused(recipe, tmp_path):
    """Try to pack, and return why that is refused; nothing must have been written."""

    def run(publication=LICENSED, outpath="x.zip", **files):
        model = TrainedModel(**(recipe.model | files))
        with pytest.raises(UserError) as error, working_directory(recipe.root):
            pack(model, publication, tmp_path / outpath)
        assert not list(tmp_path.glob("**/*.zip*"))
        return str(error.value)

    return run


def test_a_file_that_is_missing(refused):
    assert "exp/none.pth: no such file to pack" in refused(asr_model_file=Path("exp/none.pth"))
    assert "no such file" in refused(option=(Path("exp/none.md"),))


def test_a_language_model_without_its_configuration(refused, recipe):
    assert "go together" in refused(lm_file=recipe.lm / "3epoch.pth")


def test_a_name_that_is_no_zip(refused):
    assert "ends with .zip" in refused(outpath="x.tgz")


def test_a_checkpoint_of_another_configuration(refused, recipe):
    other = recipe.train_asr("asr_other", RECURSIVE, ENCODER | RECURSION | {"recurrent_blocks": 3})
    message = refused(asr_model_file=other / "3epoch.pth")
    assert "5 encoder layers" in message and "{2, 3, 1, 1}, has 4" in message
    message = refused(lm_train_config=recipe.lm / "config.yaml", lm_file=other / "3epoch.pth")
    assert "lm/config.yaml" in message and "missing" in message


def test_a_file_of_the_configuration_that_is_gone(refused, recipe, tmp_path):
    config = yaml.safe_load((recipe.asr / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config | {"bpemodel": "data/none.model"}))
    message = refused(asr_train_config=tmp_path / "config.yaml")
    assert "bpemodel is data/none.model, which is not there" in message


def test_a_pack_that_was_stopped_is_not_there(recipe, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "write", stop)
    with pytest.raises(KeyboardInterrupt), working_directory(recipe.root):
        pack(TrainedModel(**recipe.model), LICENSED, tmp_path / "x.zip")
    assert not list(tmp_path.iterdir()) or [p.name for p in tmp_path.iterdir()] == ["home"]
