"""The speechocean762 recipe: its first stages on an archive of its layout, and its rows."""

import re
from pathlib import Path

import pytest
import yaml

from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.parameters import measure_config
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.train_config import (
    check_asr_config,
    check_inference_config,
    merge_train_config,
)
from tests.corpora.archive_server import ArchiveServer
from tests.corpora.miniature import build_speechocean762
from tests.egs2.conftest import Recipe

ROOT = Path(__file__).resolve().parents[2] / "egs2/speechocean762/asr1"
CONF = ROOT / "conf"
TRAININGS = sorted(CONF.glob("train_asr*.yaml"))
#: Row -> parameters of the layers, of the encoder in all, and layers that a pass executes.
ROWS = {
    "B": (1_782_144, 2_041_536, 12),
    "control": (594_048, 853_440, 4),
    "L1": (594_048, 853_440, 12),
    "B_slim": (1_782_144, 1_831_656, 12),
    "control_slim": (594_048, 643_560, 4),
    "L1_slim": (594_048, 643_560, 12),
    "L1_slim_strides": (594_068, 643_580, 12),
    "L1_slim_scaled": (594_053, 643_565, 12),
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The recipe after the stages before training."""
    root = tmp_path_factory.mktemp("speechocean762")
    recipe = Recipe(root, "speechocean762")
    with ArchiveServer(build_speechocean762(root / "mirror")) as server:
        options = f"--base_url {server.url} --incomplete true --checksums false"
        status, output = recipe.run(
            *("--stop_stage", "5", "--nj", "1"),
            *("--local_data_opts", options),
        )
    assert status == 0, output
    return recipe


def test_data_are_those_of_the_archive(prepared):
    for folder, number in (("org/train_nodev", 5), ("org/dev", 2), ("train_nodev", 5), ("test", 3)):
        assert len(read_table(prepared.dir / "dump/raw" / folder / "wav.scp")) == number


def test_tokens_are_the_letters_of_the_training_texts(prepared):
    text = read_table(prepared.dir / "data/train_nodev/text")
    letters = {letter for words in text.values() for letter in words}
    tokens = (prepared.dir / "data/en_token_list/char/tokens.txt").read_text().split()
    assert set(tokens[2:-1]) == letters - {" "} | {"<space>"}


def test_rows_are_those_of_the_driver_and_of_the_plan():
    known = re.search(r'^known_rows="(.*)"', (ROOT / "run_paper.sh").read_text(), re.M)
    assert known[1].split() == list(ROWS)
    assert set(ROWS) == {path.stem for path in (CONF / "encoder").glob("*.yaml")}
    plan = (ROOT / "PLAN.md").read_text()
    assert all(f"`{row}`" in plan for row in ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_sizes(row):
    size = measure_config(CONF / "encoder" / f"{row}.yaml")
    assert (size.layers, size.encoder, size.executed_blocks) == ROWS[row]


@pytest.mark.parametrize("training", TRAININGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("row", ["B_slim", "L1_slim_strides"])
def test_every_training_takes_the_rows(training, row, tmp_path):
    merged = tmp_path / "train.yaml"
    merge_train_config(training, CONF / "encoder" / f"{row}.yaml", merged)
    check_asr_config(merged, fs="16k")
    conf = yaml.safe_load(merged.read_text())["encoder_conf"]
    assert ("loop_strides" in conf) == row.endswith("strides")


def test_trainings_differ_in_the_loss_and_have_the_same_steps():
    """A batch of CR-CTC has half of the utterances, each twice, in half of the epochs."""
    plain, *others = (read_yaml(path) for path in TRAININGS)
    assert "model" not in plain
    for other in others:
        different = {key for key in plain | other if plain.get(key) != other.get(key)}
        assert different <= {"model", "model_conf", "batch_bins", "max_epoch"}
        heard = other["batch_bins"] * (2 if other["model"] == "espnet_cr_ctc" else 1)
        assert heard == plain["batch_bins"]


def test_decoding():
    check_inference_config(CONF / "decode_asr.yaml")
