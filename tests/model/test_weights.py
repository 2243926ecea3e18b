"""Checkpoints and configurations that do not belong together."""

import pytest
import torch
import yaml
from espnet2.tasks.asr import ASRTask

from espnet_recursive.errors import UserError
from espnet_recursive.model.weights import check_recursion, check_weights, recursion_of
from tests.publish.experiments import ENCODER, RECURSION, RECURSIVE, working_directory


@pytest.fixture
def check(recipe, tmp_path):
    """Check the recipe's recogniser with changed weights or a changed configuration."""

    def run(change_weights=None, **config):
        weights = torch.load(recipe.asr / "3epoch.pth", weights_only=True)
        if change_weights:
            change_weights(weights)
        torch.save(weights, tmp_path / "model.pth")
        values = yaml.safe_load((recipe.asr / "config.yaml").read_text()) | config
        with working_directory(recipe.root):
            check_weights(ASRTask, values, "config.yaml", tmp_path / "model.pth")

    return run


def test_what_belongs_together(check):
    check()


def test_missing_weights(check):
    def remove(weights):
        for name in [n for n in weights if n.startswith("decoder.decoders.0.self_attn")]:
            del weights[name]

    with pytest.raises(UserError) as error:
        check(remove)
    message = str(error.value)
    assert "model.pth does not fit" in message and "8 missing" in message
    assert "decoder.decoders.0.self_attn.linear_q.weight" in message and ", ...)" in message
    assert "left over" not in message and "another shape" not in message


def test_weights_left_over(check):
    with pytest.raises(UserError, match=r"1 left over \(encoder.gate.weight\)"):
        check(lambda weights: weights.update({"encoder.gate.weight": torch.zeros(3)}))


def test_another_shape(check):
    with pytest.raises(UserError, match=r"1 of another shape \(ctc.ctc_lo.bias: \(7,\), not \(30"):
        check(lambda weights: weights.update({"ctc.ctc_lo.bias": torch.zeros(7)}))


def test_another_number_of_layers_is_named(check):
    tuple_of_six = RECURSION | {"recurrent_blocks": 4}
    with pytest.raises(UserError) as error:
        check(encoder_conf=ENCODER | tuple_of_six)
    assert "The weights hold 4 encoder layers" in str(error.value)
    assert "this configuration, {4, 3, 1, 1}, has 6" in str(error.value)


def test_fewer_layers_than_weights(check):
    """ESPnet loads this and drops the layers."""
    with pytest.raises(UserError, match="left over.*hold 4 encoder layers.* has 2"):
        check(encoder="transformer", encoder_conf=ENCODER | {"num_blocks": 2})


def test_the_same_layers_in_another_recursion_cannot_be_told_from_the_weights(check):
    check(encoder_conf=ENCODER | {"recurrent_blocks": 4, "prelude_blocks": 0, "coda_blocks": 0})


def test_a_configuration_of_another_version(check):
    with pytest.raises(UserError, match="config.yaml: its model cannot be built.*no_such_key"):
        check(encoder_conf=ENCODER | RECURSION | {"no_such_key": 1})


def test_a_moved_experiment_is_named_as_such(check, tmp_path):
    conf = {"stats_file": str(tmp_path / "none.npz")}
    with pytest.raises(
        UserError, match="cannot be built, .*none.npz cannot be read: No such .*moved"
    ):
        check(normalize_conf=conf)


def test_recursion_of_a_configuration():
    conf = {"encoder": RECURSIVE, "encoder_conf": RECURSION | {"output_size": 16}}
    assert recursion_of(conf, "x") == RECURSION
    conf = {"encoder": RECURSIVE, "encoder_conf": {"num_blocks": 8, "num_loops": 5}}
    assert recursion_of(conf, "x") == {
        "prelude_blocks": 0,
        "recurrent_blocks": 8,
        "coda_blocks": 0,
        "num_loops": 5,
    }
    assert recursion_of({"encoder": "conformer", "encoder_conf": {"num_blocks": 8}}, "x") is None


def test_an_impossible_recursion():
    conf = {"encoder": RECURSIVE, "encoder_conf": {"num_loops": 0}}
    with pytest.raises(UserError, match="c.yaml: num_loops must be 1 or more, not 0"):
        recursion_of(conf, "c.yaml")


@pytest.mark.parametrize(
    "conf",
    [{**RECURSION, "num_loops": 4}, {"recurrent_blocks": 4, "prelude_blocks": 0, "coda_blocks": 0}],
)
def test_another_recursion_than_the_published_one(conf):
    config = {"encoder": RECURSIVE, "encoder_conf": conf}
    with pytest.raises(UserError, match=r"trained as \{2, 3, 1, 1\}, its configuration says \{"):
        check_recursion(RECURSION, config, "model.zip")


def test_a_published_recursion_and_a_stock_encoder():
    with pytest.raises(UserError, match="says an encoder without recursion"):
        check_recursion(RECURSION, {"encoder": "transformer", "encoder_conf": {}}, "model.zip")
    check_recursion(None, {"encoder": "transformer", "encoder_conf": {}}, "model.zip")
    check_recursion(None, {"encoder": RECURSIVE, "encoder_conf": RECURSION}, "packed by ESPnet")
