"""Names that lead out of a pack, and those that only look so."""

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.model.pack_paths import file_in_pack, paths_in_pack


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "pack"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "bpe.model").touch()
    (tmp_path / "here" / "data").mkdir(parents=True)
    (tmp_path / "here" / "data" / "of_here.txt").touch()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_a_file(folder):
    assert file_in_pack("data/bpe.model", folder, "m", "k") == folder / "data/bpe.model"
    for name in ("../here/data/of_here.txt", "/etc/passwd", "data/../../here/data/of_here.txt"):
        with pytest.raises(UserError, match="m: k names .*outside of the model"):
            file_in_pack(name, folder, "m", "k")
    with pytest.raises(UserError, match="is not there"):
        file_in_pack("none", folder, "m", "k")
    with pytest.raises(UserError, match="is no file"):
        file_in_pack("data", folder, "m", "k")


def test_names_of_files_are_those_of_the_pack(folder):
    config = {
        "token_type": "bpe",
        "bpemodel": "data/bpe.model",
        "normalize_conf": {"stats_file": "none.npz"},
        "encoder_conf": {"some_file": "data/of_here.txt", "rates": ["data/bpe.model", 0.5]},
        "token_list": ["/etc/passwd", "../x", "~", "http://x"],
        "optim": "adam",
    }
    assert paths_in_pack(config, folder, "c") == config | {
        "bpemodel": str(folder / "data/bpe.model"),
        "normalize_conf": {"stats_file": str(folder / "none.npz")},
        "encoder_conf": {
            "some_file": str(folder / "data/of_here.txt"),
            "rates": [str(folder / "data/bpe.model"), 0.5],
        },
    }


def test_words_stay(folder):
    config = {
        "g2p": None,
        "cleaner": "none",
        "preprocessor_conf": {"a": "and/or", "b": "/", "c": ""},
    }
    config |= {"token_type": "hugging_face", "bpemodel": "facebook/some-model", "model": "espnet"}
    assert paths_in_pack(config, folder, "c") == config


def test_options_of_the_training_stay(folder):
    config = {
        "init_param": ["/home/me/x.pth:encoder:encoder"],
        "train_shape_file": ["/data/speech_shape"],
        "valid_data_path_and_name_and_type": [["/data/wav.scp", "speech", "sound"]],
        "dist_init_method": "file:///nowhere/x",
        "output_dir": "../exp",
        "optim_conf": {"x": "/y"},
    }
    assert paths_in_pack(config, folder, "c") == config


@pytest.mark.parametrize(
    "value", ["/etc/passwd", "~/x", "~root/x", "a/../../x", "file:///x", "s3://b"]
)
def test_names_that_lead_out(folder, value):
    with pytest.raises(UserError, match="c: frontend_conf.a names"):
        paths_in_pack({"frontend_conf": {"a": [value]}}, folder, "c")


def test_a_cache_of_the_hub(tmp_path):
    """snapshots/<commit> holds links to blobs/; no other folder beside may be linked to."""
    snapshot, blobs = tmp_path / "snapshots" / "0a", tmp_path / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "1b").touch()
    (tmp_path / "refs").touch()
    (snapshot / "good").symlink_to("../../blobs/1b")
    (snapshot / "bad").symlink_to("../../refs")
    assert file_in_pack("good", snapshot, "m", "k") == snapshot / "good"
    with pytest.raises(UserError, match="outside"):
        file_in_pack("bad", snapshot, "m", "k")
    blobs.rename(tmp_path / "other")
    blobs.symlink_to(tmp_path / "other")
    with pytest.raises(UserError, match="outside"):
        file_in_pack("good", snapshot, "m", "k")
