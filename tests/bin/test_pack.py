"""The command that packs, as stage 14 calls it."""

import zipfile

import pytest

from espnet_recursive.bin.pack import main
from tests.publish.conftest import private_home, recipe  # noqa: F401
from tests.publish.experiments import working_directory


@pytest.fixture
def pack(recipe, tmp_path):  # noqa: F811
    """Run the command in the recipe's folder."""

    def run(*arguments):
        with working_directory(recipe.root):
            main(["--asr_train_config", "exp/asr_recursive/config.yaml", *map(str, arguments)])

    return run


MODEL = ("--asr_model_file", "exp/asr_recursive/valid.acc.ave.pth")


def test_every_option_reaches_the_pack(pack, recipe, tmp_path, capsys):  # noqa: F811
    decode = tmp_path / "decode.yaml"
    decode.write_text("beam_size: 7\nctc_weight: 0.4\nngpu: 0\n")
    lm = ["--lm_train_config", "exp/lm/config.yaml", "--lm_file", "exp/lm/3epoch.pth"]
    options = ["--option", "exp/asr_recursive/RESULTS.md", "--option", "data/en/bpe30/tokens.txt"]
    card = ["--license", "apache-2.0", "--lang", "en", "--dataset", "an4", "--dataset", "mini"]
    outpath = ["--inference_config", decode, "--outpath", tmp_path / "deep" / "x.zip"]
    pack(*MODEL, *lm, *options, *card, *outpath)
    assert capsys.readouterr().out == f"{tmp_path}/deep/x.zip\n"
    with zipfile.ZipFile(tmp_path / "deep" / "x.zip") as archive:
        assert "data/en/bpe30/tokens.txt" in archive.namelist()
        assert "exp/lm/3epoch.pth" in archive.namelist()
        text = archive.read("README.md").decode()
    assert "license: apache-2.0" in text and "datasets:\n- an4\n- mini" in text
    assert 'from_pretrained(\n    "x.zip",\n    beam_size=7,\n    ctc_weight=0.4,\n)' in text


def test_errors_are_messages(pack, tmp_path):
    with pytest.raises(SystemExit, match="Error: exp/none.pth: no such file to pack"):
        pack("--asr_model_file", "exp/none.pth", "--outpath", tmp_path / "x.zip")
