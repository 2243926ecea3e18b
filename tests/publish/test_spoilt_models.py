"""Models with one thing wrong that ESPnet does not see: whoever reads them says it."""

import copy
from pathlib import Path

import pytest
import torch
import yaml
from espnet2.bin import asr_inference

from espnet_recursive import Speech2Text
from espnet_recursive.convert.convert import convert_to_stock
from espnet_recursive.errors import UserError
from espnet_recursive.export.export import ExportOptions, export_model
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.find_model import MODEL_FILE
from espnet_recursive.publish.download_model import download_model
from espnet_recursive.publish.pack import Publication, TrainedModel, pack
from tests.publish.experiments import FAST
from tests.recipe.trainings import LM


def read_by_pack(exp, out, **lm):
    model = TrainedModel(exp / "config.yaml", exp / MODEL_FILE, **lm)
    pack(model, Publication("cc-by-4.0"), out / "x.zip")


#: Each takes an experiment, and a folder to write into.
READERS = {
    "Speech2Text": lambda exp, _: Speech2Text(exp / "config.yaml", exp / MODEL_FILE, **FAST),
    "from_pretrained": lambda exp, _: Speech2Text.from_pretrained(exp, **FAST),
    "pack": read_by_pack,
    "download_model": lambda exp, out: download_model(str(exp), out / "exp"),
    "convert": lambda exp, out: convert_to_stock(exp, out / "stock"),
    "export": lambda exp, out: export_model(exp, out / "x.onnx", ExportOptions()),
    "ESPnet's, by our runner": lambda exp, _: asr_inference.Speech2Text(
        exp / "config.yaml", exp / MODEL_FILE, **FAST
    ),
}


def edit(key, **values):
    def spoil(exp):
        config = read_yaml(exp / "config.yaml")
        config[key] |= values
        (exp / "config.yaml").write_text(yaml.safe_dump(config))

    return spoil


def swap_tokens(exp):
    config = read_yaml(exp / "config.yaml")
    config["token_list"][7:9] = reversed(config["token_list"][7:9])
    (exp / "config.yaml").write_text(yaml.safe_dump(config))


def flip_a_bit(exp):
    weights = torch.load(exp / MODEL_FILE, weights_only=True)["ctc.ctc_lo.weight"]
    content = bytearray((exp / MODEL_FILE).read_bytes())
    content[content.index(weights.numpy().tobytes()) + 2] ^= 1
    (exp / MODEL_FILE).write_bytes(content)


def no_number(exp):
    weights = torch.load(exp / MODEL_FILE, weights_only=True)
    weights["decoder.embed.0.weight"][3, 3] = float("nan")
    torch.save(weights, exp / MODEL_FILE)


SPOILT = {
    "another number of loops": (
        edit("encoder_conf", num_loops=2),
        "num_loops: trained with 5, now",
    ),
    "another tuple": (
        edit("encoder_conf", recurrent_blocks=1, prelude_blocks=2),
        r"\(trained as \{2, 5, 1, 1\}, now \{1, 5, 2, 1\}\)",
    ),
    "other heads": (edit("encoder_conf", attention_heads=2), "attention_heads: trained with 4"),
    "another hop": (edit("frontend_conf", hop_length=128), "hop_length: trained with 160, now 128"),
    "swapped tokens": (swap_tokens, "token_list: 2 of 30 tokens differ, the first is number 7"),
    "a flipped bit": (flip_a_bit, "is damaged: the checksum of its part"),
    "no number": (no_number, "NaN or infinite"),
}


@pytest.fixture
def exp(trainings, tmp_path):
    """A copy of a recogniser, with the usual name of its weights as a file of its own."""
    exp = trainings.copy(trainings.asr, tmp_path)
    (exp / MODEL_FILE).write_bytes((exp / "2epoch.pth").read_bytes())
    return exp


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses(exp, tmp_path, reader, spoilt):
    spoil, expected = SPOILT[spoilt]
    spoil(exp)
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=expected):
        READERS[reader](exp, tmp_path / "out")
    assert list((tmp_path / "out").rglob("*")) == [], "nothing is written"


@pytest.mark.parametrize("reader", [name for name in READERS if name != "export"])
def test_what_is_not_spoilt_is_read(exp, tmp_path, reader):
    READERS[reader](exp, tmp_path)


@pytest.fixture(scope="module")
def other_lm(trainings, tmp_path_factory):
    """A language model of as many tokens, of which two changed their places."""
    root = tmp_path_factory.mktemp("other_lm")
    tokens = (trainings.bpe / "tokens.txt").read_text().splitlines()
    tokens[4:6] = reversed(tokens[4:6])
    (root / "tokens.txt").write_text("\n".join(tokens) + "\n")
    config = {**copy.deepcopy(LM), "max_epoch": 1}
    trainings.train_lm(root / "lm", config, f"--token_list={root}/tokens.txt")
    return root / "lm"


@pytest.mark.parametrize(
    "named", [("lm_train_config", "lm_file"), ("lm_train_config",)], ids=["both", "configuration"]
)
def test_a_language_model_of_other_tokens(trainings, exp, other_lm, named):
    def load(lm):
        files = {"lm_train_config": lm / "config.yaml", "lm_file": lm / "1epoch.pth"}
        files = {key: files[key] for key in named}
        return Speech2Text(exp / "config.yaml", exp / MODEL_FILE, **files, **FAST)

    assert "lm" in load(trainings.lm).beam_search.full_scorers
    with pytest.raises(
        UserError, match=f"{other_lm}/config.yaml has another token_list .* 2 of 30"
    ):
        load(other_lm)


def test_a_language_model_without_its_configuration(trainings, exp):
    """ESPnet would decode without it, and not say so."""
    with pytest.raises(UserError, match="lm_file .*/1epoch.pth: name the lm_train_config"):
        Speech2Text(
            exp / "config.yaml", exp / MODEL_FILE, lm_file=trainings.lm / "1epoch.pth", **FAST
        )


def test_a_language_model_of_other_tokens_is_not_packed(trainings, exp, other_lm, tmp_path):
    def run(lm):
        files = {"lm_train_config": lm / "config.yaml", "lm_file": lm / "1epoch.pth"}
        read_by_pack(exp, tmp_path, **files)

    with pytest.raises(
        UserError, match=f"{other_lm}/config.yaml has another token_list .* 2 of 30"
    ):
        run(other_lm)
    assert not Path(tmp_path / "x.zip").exists()
    run(trainings.lm)
    assert Path(tmp_path / "x.zip").exists()
