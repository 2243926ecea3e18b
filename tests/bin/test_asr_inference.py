"""ESPnet's decoding of data sets with our options."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import yaml
from espnet2.bin import asr_inference as espnets

from espnet_recursive.bin import asr_inference
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.decoding_facts import read_decoding_facts
from tests.publish.conftest import packed, private_home, recipe  # noqa: F401
from tests.publish.experiments import ENCODER, FAST, RECURSION, RECURSIVE, working_directory

ESPNETS_FILES = ("token", "token_int", "score", "text")


@pytest.fixture
def decode(recipe, tmp_path):  # noqa: F811
    """Decode the training set of a recipe; return what 1best_recog holds."""
    config = tmp_path / "decode.yaml"
    config.write_text(json.dumps(FAST))

    train = f"{recipe.data['train']}/wav.scp,speech,sound"

    def run(command, *options, exp=recipe.asr, config=config, scp=train):
        output = tmp_path / f"output{len(list(tmp_path.iterdir()))}"
        cmd = ["--data_path_and_name_and_type", scp, "--output_dir", output, "--config", config]
        cmd += ["--num_workers", 0]
        if exp is not None:
            cmd += ["--asr_train_config", exp / "config.yaml"]
            cmd += ["--asr_model_file", recipe.asr / "3epoch.pth"]
        with working_directory(recipe.root):
            command.main([*map(str, cmd), *map(str, options)])
        run.facts = read_decoding_facts(output)
        return {
            path.name: read_table(path, empty_values=True)
            for path in (output / "1best_recog").iterdir()
        }

    return run


def test_without_our_options_it_is_espnets(decode):
    theirs, ours = decode(espnets), decode(asr_inference)
    assert set(theirs) == set(ESPNETS_FILES)
    assert {name: ours[name] for name in ESPNETS_FILES} == theirs
    # {2, 3, 1, 1}
    assert set(ours["loops"].values()) == {"3"}
    assert set(ours["executed_layers"].values()) == {"8"}
    assert ours["loops"].keys() == ours["encoder_seconds"].keys() == ours["text"].keys()
    assert all(0 < float(seconds) < 10 for seconds in ours["encoder_seconds"].values())


def test_data_of_another_sampling_rate(decode, recipe, tmp_path):  # noqa: F811
    """ESPnet takes them for speech of half the speed."""
    config = yaml.safe_load((recipe.asr / "config.yaml").read_text())
    (tmp_path / "exp").mkdir()
    config["frontend_conf"]["fs"] = "16k"
    (tmp_path / "exp" / "config.yaml").write_text(yaml.safe_dump(config))
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, 8000)
    for rate in (8000, 16000):
        soundfile.write(tmp_path / f"{rate}.wav", samples, rate)
        (tmp_path / f"{rate}.scp").write_text(f"u {tmp_path}/{rate}.wav\n")
    assert decode(asr_inference, scp=f"{tmp_path}/16000.scp,speech,sound")["text"].keys() == {"u"}
    with pytest.raises(SystemExit, match="8000.wav has 8000 Hz, and the model takes 16000 Hz"):
        decode(asr_inference, exp=tmp_path / "exp", scp=f"{tmp_path}/8000.scp,speech,sound")


def test_fewer_loops_are_those_of_a_configuration(decode, recipe):  # noqa: F811
    one = recipe.train_asr("one_loop", RECURSIVE, ENCODER | RECURSION | {"num_loops": 1})
    configured, chosen = decode(espnets, exp=one), decode(asr_inference, "--num_loops", 1)
    assert {name: chosen[name] for name in ESPNETS_FILES} == configured
    assert set(chosen["loops"].values()) == {"1"}
    assert chosen["score"] != decode(espnets)["score"]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_an_exit_rule_of_the_yaml(decode, tmp_path, batch_size):
    config = tmp_path / "exit.yaml"
    config.write_text(json.dumps(FAST | {"loop_exit": "labels", "loop_exit_threshold": 0.3}))
    found = decode(asr_inference, "--batch_size", batch_size, config=config)
    assert found["loops"] == {
        "fash-an251-fash-b": "2",
        "fash-an253-fash-b": "2",
        "fbbh-cen8-fbbh-b": "2",
        "mwhw-an152-mwhw-b": "1",
        "mwhw-cen8-mwhw-b": "1",
    }


def test_how_it_was_decoded(decode, recipe):  # noqa: F811
    """Numbers of the command line and of the YAML, and the model's own tuple."""
    decode(espnets)
    assert decode.facts is None
    decode(asr_inference, "--num_loops", 2, "--batch_size", 3)
    facts = decode.facts
    assert (facts["num_loops"], facts["loop_exit"], facts["batch_size"]) == (2, None, 3)
    assert {key: facts[key] for key in FAST} == FAST
    assert facts["asr_model_file"] == str(recipe.asr / "3epoch.pth")
    assert facts["recursion"] == RECURSION
    assert not {"output_dir", "data_path_and_name_and_type", "num_workers"} & set(facts)
    decode(asr_inference)
    assert decode.facts["num_loops"] is None


def test_a_precision(decode):
    plain, prepared = decode(asr_inference), decode(asr_inference, "--encoder_precision", "float32")
    assert prepared["text"] == plain["text"]


def test_what_is_given_goes_before_the_yaml(decode, tmp_path):
    config = tmp_path / "loops.yaml"
    config.write_text(json.dumps(FAST | {"num_loops": 1}))
    assert set(decode(asr_inference, "--num_loops", 2, config=config)["loops"].values()) == {"2"}


def test_a_published_model(decode, packed):  # noqa: F811
    options = ("--model_tag", packed, "--lm_weight", 0, "--num_loops", 1)
    found = decode(asr_inference, *options, exp=None)
    assert set(found["loops"].values()) == {"1"}


def test_a_depth_that_cannot_be(decode, recipe):  # noqa: F811
    with pytest.raises(SystemExit, match="Error: loop_exit=kl needs loop_exit_threshold"):
        decode(asr_inference, "--loop_exit", "kl")
    wrong = recipe.train_asr("wider", RECURSIVE, ENCODER | RECURSION | {"linear_units": 48})
    with pytest.raises(SystemExit, match="Error: .*3epoch.pth does not fit"):
        decode(asr_inference, exp=wrong)


def test_espnets_names_are_its_own_again(decode):
    before = espnets.Speech2Text, espnets._write_results
    decode(asr_inference)
    assert (espnets.Speech2Text, espnets._write_results) == before


def test_help_has_all_options():
    parser = asr_inference.get_parser()
    text = parser.format_help()
    assert "--num_loops" in text and "--beam_size" in text
    assert parser.description == asr_inference.__doc__


@pytest.mark.parametrize("batch_size", [1, 3])
def test_what_cannot_be_decoded_is_named_and_the_rest_is_done(
    decode,
    recipe,  # noqa: F811
    tmp_path,
    batch_size,
    caplog,
):
    """100 samples, less than the frontend takes, and samples that are no numbers."""
    expected = decode(asr_inference, "--batch_size", batch_size)
    train = tmp_path / "train"
    shutil.copytree(recipe.data["train"], train)
    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(16000, np.nan), 16000, "FLOAT")
    with (train / "wav.scp").open("a") as file:
        file.write(f"short {tmp_path}/short.wav\nnan {tmp_path}/nan.wav\n")
    scp = f"{train}/wav.scp,speech,sound"
    found = decode(asr_inference, "--batch_size", batch_size, scp=scp)
    reasons = found.pop("undecoded")
    assert list(reasons) == ["short", "nan"]
    assert reasons["short"] == "it has 100 samples, and the frontend takes 257 or more"
    assert "no finite numbers" in reasons["nan"]
    assert found["text"].pop("short") == found["text"].pop("nan") == ""
    assert found["text"] == expected["text"]
    assert found["loops"] == expected["loops"]
    assert (
        "2 utterances could not be decoded and have an empty hypothesis: short, nan" in caplog.text
    )


def test_a_decoding_yaml_that_is_binary(decode, tmp_path):
    (tmp_path / "bad.yaml").write_bytes(b"\xff\x00")
    with pytest.raises(SystemExit, match="bad.yaml is not YAML but binary"):
        decode(asr_inference, config=tmp_path / "bad.yaml")
