"""Recursive models unrolled, in all four architectures."""

import pytest
import torch

from espnet_recursive.convert.to_recursive import Start, to_recursive
from espnet_recursive.convert.to_stock import to_stock
from espnet_recursive.errors import UserError
from espnet_recursive.recursion.shape import RecursionShape
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.convert.models import RECURSION, assert_same_weights, encode, load

every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)
PRIVATE = {
    "loop_norms": True,
    "loop_adapter_conf": {
        "target_modules": ["linear_q", "linear_out"],
        "rank": 3,
        "alpha": 6,
        "diagonal": True,
    },
}


def load_recursive(name, **conf):
    return load(f"latent_recursive_{name}", **{**RECURSION, **conf})


@every_architecture
@pytest.mark.parametrize("num_loops", [None, 1, 3, 5])
def test_a_plain_recursion(name, num_loops):
    recursive = load_recursive(name)
    converted = to_stock(recursive, num_loops)
    assert converted.config["encoder"] == name
    conf = converted.config["encoder_conf"]
    depth = 2 + 2 * (num_loops or 3)
    assert conf == {**ARCHITECTURES[name].small, "num_blocks": depth}
    assert type(converted.model.encoder) is ARCHITECTURES[name].stock_cls
    assert len(converted.model.encoder.encoders) == depth
    assert_same_weights(recursive.model, converted.model, but="encoder.encoders.")
    recursive.model.encoder.set_depth(num_loops)
    assert torch.equal(encode(recursive.model), encode(converted.model))


@every_architecture
@pytest.mark.parametrize("num_loops", [None, 2, 4])
def test_private_weights_are_merged(name, num_loops):
    """Loops beyond those that have weights of their own have those of the last."""
    recursive = load_recursive(name, **PRIVATE)
    plain = load_recursive(name)
    assert not torch.allclose(encode(recursive.model), encode(plain.model), atol=1e-3)
    converted = to_stock(recursive, num_loops)
    recursive.model.encoder.set_depth(num_loops)
    torch.testing.assert_close(
        encode(converted.model), encode(recursive.model), rtol=1e-6, atol=1e-6
    )


@every_architecture
def test_an_average_unrolled(name):
    deep = load(name, num_blocks=8)
    average = to_recursive(deep, RecursionShape(**RECURSION), Start(loop_norms=True, rank=2))
    loaded = type(deep)(deep.found, average.config, average.model)
    unrolled = to_stock(loaded)
    assert unrolled.config == deep.config
    torch.testing.assert_close(encode(unrolled.model), encode(average.model), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("policy", "conf", "depth"),
    [
        ("schedule", {"end": 4, "total": 4}, 4),
        ("uniform", {"min_loops": 1, "max_loops": 4}, 4),
        ("lognormal_poisson", {"mean_loops": 2, "max_loops": 5}, 2),
    ],
)
def test_policies_of_training_leave_the_depth_of_inference(policy, conf, depth):
    recursive = load_recursive(
        "transformer", num_loops=None, loop_policy=policy, loop_policy_conf=conf, **PRIVATE
    )
    converted = to_stock(recursive)
    assert converted.config["encoder_conf"]["num_blocks"] == 2 + 2 * depth
    torch.testing.assert_close(
        encode(converted.model), encode(recursive.model), rtol=1e-6, atol=1e-6
    )


def test_the_length_policy_needs_a_depth():
    conf = {"min_length": 30, "max_length": 90, "max_loops": 4}
    recursive = load_recursive("transformer", loop_policy="length", loop_policy_conf=conf)
    with pytest.raises(UserError, match="loop_policy=length the depth depends on .* --num_loops"):
        to_stock(recursive)
    converted = to_stock(recursive, 2)
    recursive.model.encoder.set_depth(2)
    assert torch.equal(encode(converted.model), encode(recursive.model))


PARTS = [
    ("input_injection", "add"),
    ("input_injection", "concat"),
    ("loop_embedding", "learned"),
    ("loop_embedding", "sinusoid"),
    ("loop_film", True),
]


@pytest.mark.parametrize(("key", "value"), PARTS)
def test_parts_between_the_layers_are_refused(key, value):
    # FiLM beside each, to see that the key that is named is the one.
    recursive = load_recursive("transformer", **{"loop_film": True, key: value})
    if key != "loop_film":
        film = recursive.model.encoder.encoders.loop_signals[-1]
        torch.nn.init.zeros_(film.scale)
        torch.nn.init.zeros_(film.shift)
    with pytest.raises(UserError, match=f"exp/asr was trained with {key}={value}, .* no stock"):
        to_stock(recursive)


@every_architecture
@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"input_channels": 6}, "input_channels=6"),
        ({"input_layer": "conv2d_speechbrain"}, "input_layer=conv2d_speechbrain"),
    ],
    ids=str,
)
def test_input_layers_that_espnet_does_not_have(name, conf, named):
    recursive = load_recursive(name, **conf)
    with pytest.raises(UserError, match=f"exp/asr was trained with {named}: ESPnet's .* no such"):
        to_stock(recursive)


@every_architecture
def test_loops_at_lower_time_resolution(name):
    recursive = load_recursive(name, loop_strides=[2, 1])
    with pytest.raises(UserError, match=r"exp/asr was trained with loop_strides=\[2, 1\], .* no"):
        to_stock(recursive)
    ones = load_recursive(name, loop_strides=[1, 1, 1])
    converted = to_stock(ones)
    assert "loop_strides" not in converted.config["encoder_conf"]
    assert torch.equal(encode(converted.model), encode(ones.model))


@pytest.mark.parametrize("scale", ["inverse", "learned"])
def test_scaled_loops(scale):
    recursive = load_recursive("transformer", loop_scale=scale)
    with pytest.raises(UserError, match=f"exp/asr was trained with loop_scale={scale}: its layers"):
        to_stock(recursive)


def test_chunks():
    recursive = load_recursive("transformer", chunk_size=[8, 0])
    with pytest.raises(UserError, match=r"chunk_size=\[8, 0\], and stock encoders see whole"):
        to_stock(recursive)
    whole = load_recursive("transformer", chunk_size=[0, 8], num_left_chunks=2)
    converted = to_stock(whole)
    assert not {"chunk_size", "num_left_chunks"} & set(converted.config["encoder_conf"])
    assert torch.equal(encode(converted.model), encode(whole.model))


def test_the_width_of_espnets_input_layer_is_left_out():
    recursive = load_recursive("transformer", input_channels=16)
    converted = to_stock(recursive)
    assert "input_channels" not in converted.config["encoder_conf"]
    assert torch.equal(encode(converted.model), encode(recursive.model))


@pytest.mark.parametrize(("key", "value"), PARTS)
def test_parts_that_do_nothing_are_left_out(key, value):
    recursive = load_recursive("transformer", **{key: value})
    stack = recursive.model.encoder.encoders
    for part in (stack.input_injection, stack.loop_signals):
        for parameter in part.parameters() if part is not None else ():
            torch.nn.init.zeros_(parameter)
    converted = to_stock(recursive)
    assert converted.notes == (f"{key} is left out: all of its weights are 0.",)
    assert torch.equal(encode(converted.model), encode(recursive.model))


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "branchformer"])
@pytest.mark.parametrize("num_loops", [None, 2, 5])
def test_intermediate_ctc(name, num_loops):
    """Its positions, those of the loops among them, and what the layers after them see of it."""
    recursive = load_recursive(
        name,
        model_conf={"interctc_weight": 0.5},
        interctc_loops=[1, 3],
        interctc_layer_idx=[4],
        interctc_use_conditioning=True,
    )
    converted = to_stock(recursive, num_loops)
    positions = {None: [3, 4, 7], 2: [3, 4], 5: [3, 4, 7]}[num_loops]
    assert converted.config["encoder_conf"]["interctc_layer_idx"] == positions
    recursive.model.encoder.set_depth(num_loops)
    torch.testing.assert_close(
        encode(converted.model), encode(recursive.model), rtol=1e-6, atol=1e-6
    )


def test_intermediate_ctc_of_the_branchformer_is_left_out():
    recursive = load_recursive("branchformer", interctc_loops=[1])
    converted = to_stock(recursive)
    assert "interctc_layer_idx" not in converted.config["encoder_conf"]
    assert converted.notes == (
        "interctc_loops is left out: ESPnet's encoder has no intermediate CTC.",
    )
    assert torch.equal(encode(converted.model), encode(recursive.model))


def test_lists_for_each_layer_and_positions():
    rates = {"stochastic_depth_rate": [0.0, 0.1, 0.2, 0.3]}
    conf = to_stock(load_recursive("conformer", **rates)).config["encoder_conf"]
    assert conf["stochastic_depth_rate"] == [0.0, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.3]
    checkpointed = {"gradient_checkpoint_layers": [0, 2, 8]}
    recursive = load_recursive("e_branchformer", **checkpointed)
    assert (
        to_stock(recursive).config["encoder_conf"] | checkpointed
        == (to_stock(recursive).config["encoder_conf"])
    )
    shallower = to_stock(recursive, 2).config["encoder_conf"]
    assert shallower["gradient_checkpoint_layers"] == [0, 2]


def test_what_cannot_be_unrolled():
    with pytest.raises(UserError, match="the encoder transformer, .* nothing to unroll"):
        to_stock(load("transformer", num_blocks=2))
    with pytest.raises(UserError, match="--num_loops 0: it must be 1 or more"):
        to_stock(load_recursive("transformer"), 0)
