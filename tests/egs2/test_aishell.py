"""The AISHELL-1 recipe on archives of its layout: characters, no language model, both rows."""

import json
import zipfile

import pytest

from espnet_recursive.recipe.data_dir import read_table
from tests.corpora.archive_server import ArchiveServer
from tests.corpora.miniature import build_aishell
from tests.egs2.conftest import CONF, Recipe, pack_of, transcribe

TINY = [
    *("--ngpu", "0", "--nj", "2", "--inference_nj", "2"),
    *("--asr_config", str(CONF / "train_asr_tiny.yaml"), "--asr_tag", "tiny"),
    *("--inference_config", str(CONF / "decode_tiny.yaml"), "--inference_tag", "decode"),
]


@pytest.fixture(scope="module")
def aishell(tmp_path_factory):
    """The recipe after all its stages."""
    root = tmp_path_factory.mktemp("aishell")
    recipe = Recipe(root, "aishell")
    with ArchiveServer(build_aishell(root / "mirror")) as server:
        status, recipe.output = recipe.run(
            *TINY,
            "--local_data_opts",
            f"--base_url {server.url} --checksums false",
            "--inference_args",
            "--lm_weight 0",
        )
    assert status == 0, recipe.output
    recipe.exp = recipe.dir / "exp" / "asr_tiny"
    return recipe


def test_characters_are_the_tokens(aishell):
    text = read_table(aishell.dir / "data/train/text")
    characters = {character for value in text.values() for character in value}
    assert " " not in characters
    tokens = (aishell.dir / "data/zh_token_list/char/tokens.txt").read_text().split()
    assert tokens[:2] == ["<blank>", "<unk>"] and tokens[-1] == "<sos/eos>"
    assert set(tokens[2:-1]) == characters


@pytest.mark.parametrize("test_set", ["dev", "test"])
def test_characters_are_scored(aishell, test_set):
    directory = aishell.exp / "decode" / test_set
    text = read_table(aishell.dir / "data" / test_set / "text")
    result = json.loads((directory / "score_cer" / "result.json").read_text())
    assert result["units"] == sum(map(len, text.values()))
    assert not (directory / "score_ter").exists()


def test_the_pack_has_no_language_model(aishell):
    with zipfile.ZipFile(pack_of(aishell)) as pack:
        names = pack.namelist()
    assert any(name.endswith("config.yaml") for name in names)
    assert not any("lm_" in name or name.endswith("bpe.model") for name in names)


def test_the_pack_transcribes_what_the_recipe_decoded(aishell, tmp_path):
    decoded = read_table(aishell.exp / "decode/test/text", empty_values=True)
    assert transcribe(aishell, "test", tmp_path) == decoded


def test_subwords_by_a_flag(aishell):
    """Subwords of text without spaces, as the paper has them; 5000 in the real recipe."""
    status, output = aishell.run(
        *TINY, "--token_type", "bpe", "--nbpe", "25", "--stage", "5", "--stop_stage", "5"
    )
    assert status == 0, output
    tokens = (aishell.dir / "data/zh_token_list/bpe_unigram25/tokens.txt").read_text().split()
    assert len(tokens) == 25
    text = "".join(read_table(aishell.dir / "data/train/text").values())
    assert set("".join(tokens[2:-1])) == {*text, "▁"}
