"""Checkpoints and configurations that do not belong together."""

from functools import partial

import pytest
import torch
import yaml
from espnet2.tasks.asr import ASRTask

from espnet_recursive.errors import UserError
from espnet_recursive.model.weights import (
    check_recursion,
    check_same_tokens,
    check_weights,
    recursion_of,
)
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


def test_another_type(check):
    name = "ctc.ctc_lo.bias"
    check(lambda weights: weights.update({name: weights[name].half()}))
    for kind in ("int8", "bool", "complex64"):
        changed = torch.zeros(30, dtype=getattr(torch, kind))
        with pytest.raises(UserError, match=rf"1 of another type \({name}: {kind}, not float32\)"):
            check(partial(dict.update, **{name: changed}))


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


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["ctc.ctc_lo.weight", "normalize.mean"])
def test_values_that_are_no_numbers(check, name, value):
    """One of them is enough: ESPnet loads it, and recognises nothing."""

    def spoil(weights):
        weights[name].view(-1)[3] = value

    with pytest.raises(
        UserError, match=rf"model.pth holds values .*: of \d+ parts, 1 .*\({name}\)"
    ):
        check(spoil)


def test_a_flipped_bit(check, recipe, tmp_path):
    check()
    weights = torch.load(recipe.asr / "3epoch.pth", weights_only=True)["decoder.embed.0.weight"]
    content = bytearray((tmp_path / "model.pth").read_bytes())
    content[content.index(weights.numpy().tobytes()) + 5] ^= 1
    (tmp_path / "model.pth").write_bytes(content)
    config = yaml.safe_load((recipe.asr / "config.yaml").read_text())
    with pytest.raises(
        UserError, match="model.pth is damaged: the checksum of its part model/data"
    ):
        check_weights(ASRTask, config, "config.yaml", tmp_path / "model.pth")


def test_an_adapter_alone(check):
    """ESPnet would leave the rest at random values: two loads give two texts."""

    def adapter(weights):
        weights["encoder.encoders.0.self_attn.linear_q.lora_A"] = torch.zeros(8, 16)
        weights["encoder.encoders.0.self_attn.linear_q.lora_B"] = torch.zeros(16, 8)

    def adapter_alone(weights):
        weights.clear()
        adapter(weights)

    def without_the_decoder(weights):
        adapter(weights)
        for name in [n for n in weights if n.startswith("decoder")]:
            del weights[name]

    check(adapter, use_adapter=True)
    with pytest.raises(UserError, match=r"holds the adapter and 0 of the .*--save_strategy all"):
        check(adapter_alone, use_adapter=True)
    with pytest.raises(UserError, match="holds the adapter and .* random values"):
        check(without_the_decoder, use_adapter=True)
    with pytest.raises(UserError, match=r"holds no adapter, .*\(use_adapter\)"):
        check(use_adapter=True)
    with pytest.raises(UserError, match="2 left over"):
        check(adapter)


def test_a_language_model_of_other_tokens(tmp_path):
    tokens = ["<blank>", "<unk>", "A", "B", "<sos/eos>"]
    (tmp_path / "tokens.txt").write_text("\n".join(tokens) + "\n")
    ours = {"token_list": tokens}
    for same in (ours, {"token_list": str(tmp_path / "tokens.txt")}):
        check_same_tokens(ours, "asr.yaml", same, "lm.yaml")
    for other, expected in (
        ([*tokens[:2], "B", "A", tokens[4]], "2 of 5 tokens differ, the first is number 2: 'B'"),
        (tokens[:4], "4 tokens there, 5 here"),
    ):
        with pytest.raises(UserError) as error:
            check_same_tokens(ours, "asr.yaml", {"token_list": other}, "lm.yaml")
        message = str(error.value)
        assert message.startswith("the language model of lm.yaml has another token_list than")
        assert expected in message and "--lm_tag" in message


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
