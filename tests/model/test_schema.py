"""What meta.yaml and config.yaml must hold; the many wrong ones are tested with hostile packs."""

import pytest
import yaml
from espnet2.bin.asr_inference import Speech2Text

from espnet_recursive.errors import UserError
from espnet_recursive.model.schema import (
    FILES,
    YAML_FILES,
    check_config,
    read_meta,
    read_model_config,
)

META = {
    "yaml_files": {"asr_train_config": "exp/config.yaml"},
    "files": {"asr_model_file": "exp/a.pth"},
}
CONFIG = {
    "token_list": ["<blank>", "a"],
    "token_type": "char",
    "bpemodel": None,
    "input_size": None,
    "frontend": "default",
    "specaug": None,
    "normalize": None,
    "model_conf": {},
    "ctc_conf": {},
    "init": None,
}


def write(path, values):
    path.write_text(yaml.safe_dump(values))
    return path


def test_files_are_arguments_of_espnets_class():
    import inspect

    assert {*FILES, *YAML_FILES} <= inspect.signature(Speech2Text).parameters.keys()


def test_espnets_own_files_pass(recipe):
    assert read_model_config(recipe.asr / "config.yaml")["token_type"] == "bpe"
    assert read_model_config(recipe.lm / "config.yaml", lm=True)["lm"] == "transformer"


def test_meta(tmp_path):
    path = write(tmp_path / "meta.yaml", META | {"requires": "espnet", "timestamp": 1.5})
    assert read_meta(path, "model.zip")["requires"] == "espnet"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"files": 5}, "model.zip: meta.yaml: files must be keys and values, not 5"),
        ({"recursion": {"num_loops": True}}, "recursion.num_loops must be a whole number"),
        ({"files": META["files"] | {"device": "cuda"}}, "has device under files, which names no"),
        ({"requires": ["a"] * 101}, "requires: must be at most 100 requirements of 200"),
        ({"requires": "a" * 201}, "requires: must be at most 100 requirements of 200"),
        ({"yaml_files": {}}, "model.zip is no recogniser: meta.yaml lists asr_model_file"),
    ],
)
def test_meta_that_is_refused(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        read_meta(write(tmp_path / "meta.yaml", META | change), "model.zip")


def test_a_smallest_configuration():
    check_config(CONFIG, "c.yaml")
    check_config({"token_list": ["a"], "model_conf": {}, "init": None, "lm": "x"}, "c", lm=True)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"frontend_conf": None}, "c.yaml: frontend_conf must hold the names of options"),
        ({"frontend_conf": {1: 2}}, "frontend_conf must hold the names of options"),
        ({"token_list": ["a", "a"]}, "c.yaml: token_list has 'a' 2 times"),
        ({"token_list": ["a", None]}, "c.yaml: token_list: token 2 is None, which is no text"),
        ({"encoder": ["x"]}, "c.yaml: encoder must be text, not"),
        ({3: 4}, "c.yaml: the key 3 is no name"),
        ({"frontend_conf": {"hop_length": 0}}, "frontend_conf.hop_length must be 1 or more"),
        ({"frontend_conf": {"win_length": 600}}, "win_length must be at most n_fft, 512, not 600"),
    ],
)
def test_a_configuration_that_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        check_config(CONFIG | change, "c.yaml")


def test_windows_of_a_frontend():
    for conf in ({"win_length": None, "n_fft": 400}, {"n_fft": 512, "win_length": 512}):
        check_config(CONFIG | {"frontend_conf": conf}, "c.yaml")
    other = {"frontend": "sliding_window", "frontend_conf": {"win_length": 600, "hop_length": 0}}
    check_config(CONFIG | other, "c.yaml")  # of which this knows nothing


def test_what_is_not_built_may_be_null():
    check_config(CONFIG | {"preencoder": None, "preencoder_conf": None}, "c.yaml")


def test_other_tokenizers_may_have_a_token_twice():
    check_config(CONFIG | {"token_type": "hugging_face", "token_list": ["a", "a"]}, "c.yaml")


def test_values_of_strangers_are_shown_in_part():
    with pytest.raises(UserError) as error:
        check_config(CONFIG | {"frontend_conf": ["x" * 10_000]}, "c.yaml")
    assert len(str(error.value)) < 400
