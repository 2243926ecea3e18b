"""What a fingerprint holds, and where it is."""

import numpy as np
import pytest
import yaml
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import add_note
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recipe.fingerprint import (
    MAY_CHANGE,
    Fingerprint,
    fingerprint_of,
    read_fingerprint,
    tokens_of,
)


@pytest.mark.parametrize("task", [ASRTask, LMTask])
def test_what_may_change_are_options_of_espnet(task):
    """A name that is none would let nothing change, or something else after a change of ESPnet."""
    options = vars(task.get_parser().parse_args([])).keys()
    # ESPnet sets these two itself, for config.yaml.
    assert set(MAY_CHANGE) - options == {"version", "distributed"}


def test_each_checkpoint_has_it(trainings):
    """Epochs, averages and links to them, and the state to go on with."""
    for folder in (trainings.asr, trainings.lm):
        found = {path.name: read_fingerprint(path) for path in folder.glob("*.pth")}
        assert len(found) == 7 and any("ave_2best" in name for name in found)
        assert all(fingerprint == found["checkpoint.pth"] for fingerprint in found.values())


def test_it_is_that_of_the_configuration(trainings):
    for folder in (trainings.asr, trainings.lm):
        config = read_yaml(folder / "config.yaml")
        now = fingerprint_of(config, with_data=True)
        assert now.as_text() == read_fingerprint(folder / "1epoch.pth").as_text()


def test_it_holds_what_weights_depend_on(trainings):
    asr, lm = (read_fingerprint(f / "checkpoint.pth") for f in (trainings.asr, trainings.lm))
    assert asr.settings["encoder_conf"]["num_loops"] == 5
    assert asr.settings["frontend_conf"]["hop_length"] == 160
    assert asr.settings["token_list"] == (trainings.bpe / "tokens.txt").read_text().splitlines()
    assert asr.settings["optim_conf"] == {"lr": 0.002}
    assert len(asr.settings["bpemodel"]["content"]) == 64
    assert len(asr.data["normalize_conf.stats_file"]["mean"]) == 80
    assert lm.settings["lm_conf"]["unit"] == 32
    for fingerprint in (asr, lm):
        assert not fingerprint.settings.keys() & MAY_CHANGE
        assert len(fingerprint.data["the text of the train set"]["content"]) == 64
        assert Fingerprint(**yaml.safe_load(fingerprint.as_text())["fingerprint"]) == fingerprint


def test_plain_checkpoints_have_none(tmp_path):
    import torch

    torch.save({}, tmp_path / "a.pth")
    assert read_fingerprint(tmp_path / "a.pth") is None
    add_note(tmp_path / "a.pth", '{"another": 1}')
    with pytest.raises(UserError, match="a.pth: its fingerprint was written by a newer version"):
        read_fingerprint(tmp_path / "a.pth")


def test_options_are_what_config_yaml_says_of_them(tmp_path):
    """ESPnet reads the token list, and drops the frontend of features, before it writes."""
    (tmp_path / "tokens.txt").write_text("<blank>\n<unk>\nA B \n<sos/eos>\n", encoding="utf-8")
    options = {
        "token_list": str(tmp_path / "tokens.txt"),
        "input_size": 80,
        "frontend": "default",
        "frontend_conf": {"fs": "16k"},
        "specaug_conf": {"freq_mask_width_range": (0, 30)},
    }
    written = {
        "token_list": ["<blank>", "<unk>", "A B", "<sos/eos>"],
        "input_size": 80,
        "frontend": None,
        "frontend_conf": {},
        "specaug_conf": {"freq_mask_width_range": [0, 30]},
    }
    assert fingerprint_of(options) == fingerprint_of(written)


def test_tokens_of_a_multi_blank_transducer():
    tokens = ["<blank4>", "<blank2>", "<blank>", "A", "<sos/eos>"]
    conf = {"transducer_multi_blank_durations": [2, 4]}
    assert tokens_of({"token_list": tokens, "model_conf": conf}) == tokens[2:]
    assert tokens_of({"token_list": tokens, "model_conf": {}}) == tokens


def test_a_token_list_that_is_not_utf_8(tmp_path):
    path = tmp_path / "tokens.txt"
    path.write_bytes("<blank>\n▁S\n".encode().replace(b"\x81", b"\xc1"))
    with pytest.raises(UserError, match=f"{path} is no token list: it is not in UTF-8 .*stage 5"):
        fingerprint_of({"token_list": str(path)})


def test_folders_of_whoever_trained_it_are_not_told(tmp_path):
    (tmp_path / "bpe.model").write_text("pieces")
    np.savez(tmp_path / "s.npz", count=2, sum=np.ones(3), sum_square=np.ones(3))
    (tmp_path / "text").write_text("a b")
    config = {
        "bpemodel": str(tmp_path / "bpe.model"),
        "normalize_conf": {"stats_file": str(tmp_path / "s.npz")},
        "train_data_path_and_name_and_type": [[str(tmp_path / "text"), "text", "text"]],
    }
    text = fingerprint_of(config, with_data=True).as_text()
    assert all(name in text for name in ("bpe.model", "s.npz")) and str(tmp_path) not in text
