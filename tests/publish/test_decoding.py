"""Models with the options of a decoding YAML."""

import json

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.publish.decoding import decoding_options, load_speech2text
from tests.publish.experiments import FAST


def test_a_decoding_yaml(tmp_path):
    path = tmp_path / "decode.yaml"
    path.write_text("beam_size: 3\nctc_weight: 0.4\nngpu: 1\nbatch_size: 4\nlog_level: INFO\n")
    assert decoding_options(path) == {"beam_size": 3, "ctc_weight": 0.4, "batch_size": 4}


def test_the_depth_in_a_decoding_yaml(tmp_path):
    path = tmp_path / "decode.yaml"
    path.write_text("num_loops: 3\nloop_exit: kl\nloop_exit_threshold: 0.1\n")
    expected = {"num_loops": 3, "loop_exit": "kl", "loop_exit_threshold": 0.1}
    assert decoding_options(path) == expected
    path.write_text("num_lops: 3\n")
    with pytest.raises(UserError, match="no option 'num_lops'. Did you mean num_loops?"):
        decoding_options(path)


def test_a_decoding_yaml_with_an_unknown_key(tmp_path):
    path = tmp_path / "decode.yaml"
    path.write_text("beam_sise: 3\n")
    with pytest.raises(UserError, match="no option 'beam_sise'. Did you mean beam_size?"):
        decoding_options(path)


def test_options_go_before_the_yaml(recipe, tmp_path):
    config = tmp_path / "decode.yaml"
    config.write_text(json.dumps(FAST | {"num_loops": 2, "nbest": 2}))
    model = load_speech2text(recipe.asr, "3epoch.pth", config, nbest=1)
    assert (model.nbest, model.maxlenratio) == (1, FAST["maxlenratio"])
    assert model.asr_model.encoder._depth.num_loops == 2


def test_a_depth_that_is_no_number(recipe, tmp_path):
    config = tmp_path / "decode.yaml"
    config.write_text("num_loops: many\n")
    with pytest.raises(UserError, match="num_loops must be an integer of 1 or more, not 'many'"):
        load_speech2text(recipe.asr, config=config)
