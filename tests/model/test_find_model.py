"""Packs, folders and experiments, whole and damaged."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.model import find_model as module
from espnet_recursive.model.find_model import absolute_paths, find_file, find_model, unpack_model
from tests.publish.experiments import change_member, change_yaml


def test_a_pack(packed):
    model = find_model(packed)
    assert set(model.files) == {
        "asr_train_config",
        "asr_model_file",
        "lm_train_config",
        "lm_file",
    }
    config = model.read_config("asr_train_config")
    assert Path(config["bpemodel"]).read_bytes() == (model.roots[0] / "data/en/bpe30/bpe.model"
    ).read_bytes()  # fmt: skip
    assert Path(config["normalize_conf"]["stats_file"]).is_absolute()
    assert config["token_list"][0] == "<blank>" and model.meta["archive"] == packed.name


def test_an_unpacked_folder(packed, tmp_path, monkeypatch):
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "folder")
    before = sorted(tmp_path.rglob("folder/**/*"))
    monkeypatch.chdir(tmp_path)
    model = find_model("folder")
    assert Path(model.read_config("asr_train_config")["bpemodel"]).is_absolute()
    assert sorted(tmp_path.rglob("folder/**/*")) == before, "nothing is written into it"


def test_an_experiment(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # paths start from the recipe all the same
    model = find_model(recipe.asr)
    assert model.files["asr_model_file"] == recipe.asr / "valid.acc.ave.pth"
    assert model.read_config("asr_train_config")["bpemodel"] == str(
        recipe.root / "data/en/bpe30/bpe.model"
    )
    assert find_model(recipe.asr, "3epoch.pth").files["asr_model_file"].name == "3epoch.pth"


def test_an_experiment_without_the_checkpoint(recipe):
    said = r"has no 7epoch.pth. Name one that is there by --model_file .*: 3epoch.pth, valid.acc"
    with pytest.raises(UserError, match=said):
        find_model(recipe.asr, "7epoch.pth")


def test_an_experiment_of_other_or_no_checkpoints(recipe, tmp_path):
    (tmp_path / "config.yaml").write_bytes((recipe.asr / "config.yaml").read_bytes())
    with pytest.raises(UserError, match="has no valid.acc.ave.pth. No checkpoint is there: did"):
        find_model(tmp_path)
    (tmp_path / "last.ckpt").touch()
    with pytest.raises(UserError, match=r"by --model_file \(model_file in Python\): last.ckpt"):
        find_model(tmp_path)
    assert find_model(tmp_path, "last.ckpt").files["asr_model_file"] == tmp_path / "last.ckpt"


def test_a_checkpoint_of_a_pack_cannot_be_chosen(packed):
    with pytest.raises(UserError, match="of an experiment directory only"):
        find_model(packed, "3epoch.pth")


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(UserError, match="has neither meta.yaml nor config.yaml"):
        find_model(tmp_path)


@pytest.mark.parametrize("name", ["none.zip", "./none", "/none/there", "~/none"])
def test_a_file_that_is_not_there(name):
    with pytest.raises(UserError, match="does not exist"):
        find_model(name)


def test_a_file_that_is_no_zip(tmp_path):
    (tmp_path / "x.zip").write_text("<html>404</html>")
    with pytest.raises(UserError, match="x.zip is no packed model, or was cut off"):
        find_model(tmp_path / "x.zip")


@pytest.mark.parametrize("share", [0.3, 0.999])
def test_a_pack_that_was_cut_off(pack_copy, share):
    whole = pack_copy.read_bytes()
    pack_copy.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match="cut off or damaged.*download it again"):
        find_model(pack_copy)


def test_a_pack_with_a_wrong_byte(pack_copy):
    content = bytearray(pack_copy.read_bytes())
    content[len(content) // 2] ^= 255
    pack_copy.write_bytes(content)
    with pytest.raises(UserError, match="damaged: Bad CRC-32 for file"):
        find_model(pack_copy)


def test_a_zip_that_is_no_pack(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(UserError, match="meta.yaml of ESPnet's packs is not in it"):
        find_model(tmp_path / "x.zip")


def test_a_pack_without_a_list_of_files(pack_copy):
    change_member(pack_copy, "meta.yaml", lambda _: b"espnet: '202611'\n")
    with pytest.raises(UserError, match="meta.yaml has no yaml_files"):
        find_model(pack_copy)


def test_a_model_of_another_task(pack_copy):
    change_yaml(pack_copy, "meta.yaml", files={"model_file": "README.md"}, yaml_files={})
    with pytest.raises(UserError, match="is no recogniser: meta.yaml lists model_file"):
        find_model(pack_copy)


def test_a_pack_without_a_file_that_it_lists(pack_copy):
    change_yaml(pack_copy, "meta.yaml", files={"asr_model_file": "exp/none.pth"})
    with pytest.raises(UserError, match=r"meta.yaml names .*exp/none.pth, which is not there"):
        find_model(pack_copy)


def test_an_unpacking_that_was_stopped_leaves_nothing_behind(packed, monkeypatch):
    def stop(self, folder):
        Path(folder, "meta.yaml").write_bytes(self.read("meta.yaml"))
        weights = Path(folder, "exp/asr_recursive/3epoch.pth")
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "extractall", stop)
        with pytest.raises(KeyboardInterrupt):
            unpack_model(packed)
    # One that was killed could not even clean up.
    cache = module._cache()
    assert not [path for path in cache.iterdir() if path.is_dir()]
    folder = unpack_model(packed)
    shutil.rmtree(folder)
    (folder.parent / f".{folder.name}.part" / "exp").mkdir(parents=True)
    assert (unpack_model(packed) / "exp/asr_recursive/3epoch.pth").stat().st_size > 100_000


def test_unpacked_once(packed):
    weights = unpack_model(packed) / "exp/asr_recursive/3epoch.pth"
    written = weights.stat().st_mtime_ns
    assert unpack_model(packed) / "exp/asr_recursive/3epoch.pth" == weights
    assert weights.stat().st_mtime_ns == written


def test_a_pack_that_was_written_anew_is_unpacked_anew(pack_copy):
    """ESPnet's own cache goes by the path, and gives the old model."""
    folder = unpack_model(pack_copy)
    change_member(pack_copy, "README.md", lambda _: b"another")
    assert unpack_model(pack_copy) == folder
    assert (folder / "README.md").read_text() == "another"
    assert len([path for path in folder.parent.iterdir() if path.is_dir()]) == 1


def test_another_content_of_the_same_size_and_time(pack_copy):
    before = pack_copy.stat()
    folder = unpack_model(pack_copy)
    card = (folder / "README.md").read_text()
    change_member(pack_copy, "README.md", lambda text: text.swapcase())
    os.utime(pack_copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert pack_copy.stat().st_size == before.st_size
    assert pack_copy.stat().st_mtime_ns == before.st_mtime_ns
    assert (unpack_model(pack_copy) / "README.md").read_text() == card.swapcase()


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"cut")])
def test_a_damaged_copy_says_how_to_clear_it(packed, change):
    folder = unpack_model(packed)
    change(folder / "exp/asr_recursive/3epoch.pth")
    with pytest.raises(UserError, match=f"3epoch.pth is missing or .* again: rm -r {folder}$"):
        find_model(packed)
    shutil.rmtree(folder)
    assert find_model(packed).files["asr_model_file"].stat().st_size > 100_000


def test_a_cache_that_cannot_be_written(packed, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="unpacked, cannot be written to: .*XDG_CACHE_HOME"):
        unpack_model(packed)


def test_a_pipe_is_no_model(tmp_path):
    os.mkfifo(tmp_path / "x.zip")
    with pytest.raises(UserError, match="x.zip is no file"):
        find_model(tmp_path / "x.zip")


def test_a_password_in_an_address_is_not_repeated():
    with pytest.raises(UserError, match="an address with a password in it") as error:
        find_model("https://me:secret@127.0.0.1:9/x.zip")
    assert "secret" not in str(error.value)


def test_a_disk_that_is_full(packed, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    with pytest.raises(UserError, match="cannot be unpacked into .*No space left on device"):
        unpack_model(packed)


def test_a_name_that_no_model_has(hub):
    with pytest.raises(UserError) as error:
        find_model("user/none")
    assert "user/none is no file or folder here, and could not be fetched" in str(error.value)
    assert "Repository Not Found" in str(error.value)


def test_a_name_without_a_connection(monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="user/name .*could not be fetched.*the connection"):
        find_model("user/name")


def test_a_pack_by_its_address(hub, packed):
    from tests.publish.hub_server import Repository

    hub.repositories["user/files"] = Repository({"asr.zip": packed.read_bytes()}, ["0" * 40])
    model = find_model(f"{hub.url}/user/files/resolve/main/asr.zip")
    assert model.files["asr_model_file"].exists()


def test_paths_and_words(tmp_path):
    for name in ("exp/stats.npz", "adam", "bpe.model"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    config = {
        "token_list": ["bpe.model", "a"],
        "optim": "adam",
        "bpemodel": "bpe.model",
        "normalize_conf": {"stats_file": "exp/stats.npz"},
        "init_param": ["exp/stats.npz", "exp/none.npz"],
        "other": ["../x", "/abs/olute", 0.5, None, "x" * 5000 + "/y"],
    }
    assert absolute_paths(config, [tmp_path]) == config | {
        "bpemodel": str(tmp_path / "bpe.model"),
        "normalize_conf": {"stats_file": str(tmp_path / "exp/stats.npz")},
        "init_param": [str(tmp_path / "exp/stats.npz"), "exp/none.npz"],
    }


def test_the_first_root_that_has_the_file(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").touch()
    assert find_file("x.txt", [tmp_path / "none", tmp_path / "b", tmp_path / "a"]) == Path(
        os.path.join(tmp_path, "b", "x.txt")
    )
    assert find_file("../a/x.txt", [tmp_path / "b"]) is None


def test_a_cache_that_cannot_be_written_to(packed, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="file/espnet_recursive, .* cannot be .*XDG_CACHE_HOME"):
        find_model(packed)
