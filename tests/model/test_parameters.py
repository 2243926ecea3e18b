"""Sizes of encoders, counted in modules, in configurations and in weights."""

from pathlib import Path

import pytest
import torch
import yaml

from espnet_recursive.analysis.paper.sizes import paper_table
from espnet_recursive.errors import UserError
from espnet_recursive.model.parameters import (
    measure,
    measure_config,
    measure_state_dict,
)
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import ENCODERS, encoder_class

SMALL = {"output_size": 16, "attention_heads": 2}
SHAPE = {"prelude_blocks": 1, "recurrent_blocks": 2, "coda_blocks": 1, "num_loops": 3}
ROWS = Path(__file__).resolve().parents[2] / "conf" / "encoder"


def weights_of(encoder):
    """The encoder's part of an ESPnet model's weights, and a decoder that must not count."""
    model = {f"encoder.{key}": value for key, value in encoder.state_dict().items()}
    return model | {"decoder.encoders.0.weight": torch.zeros(99)}


@pytest.mark.parametrize("name", ENCODERS)
def test_weights_alone_say_the_same(name):
    encoder = encoder_class(name)(80, **SMALL, **SHAPE)
    size = measure("x", encoder)
    assert size == measure_state_dict("x", weights_of(encoder), RecursionShape.from_conf(SHAPE))
    assert str(size.shape) == "{2, 3, 1, 1}"
    assert (size.unique_blocks, size.executed_blocks) == (4, 8)
    assert size.encoder == sum(parameter.numel() for parameter in encoder.parameters())
    assert size.layers == sum(parameter.numel() for parameter in encoder.encoders.parameters())
    assert 0 < size.layers < size.encoder


@pytest.mark.parametrize("name", ENCODERS)
def test_private_parts_count_and_are_no_layers(name):
    """16 numbers a vector; 3 loops. Counters of a training's progress are no parameters."""
    parts = {
        "input_injection": ("concat", 2 * 16 * 16 + 16),
        "loop_embedding": ("learned", 3 * 16),
        "loop_film": (True, 2 * 3 * 16),
        "loop_strides": ([4, 2], 2 * 4),
        "loop_adapter_conf": (
            {"target_modules": ["linear_q"], "rank": 2, "diagonal": True},
            2 * 3 * (2 * (16 + 16) + 16),
        ),
    }
    policy = {"loop_policy": "uniform", "loop_policy_conf": {"min_loops": 1, "max_loops": 3}}
    conf = {key: value for key, (value, _) in parts.items()}
    options = {"use_flash_attn": False} if name.endswith("e_branchformer") else {}
    encoder = encoder_class(name)(80, **SMALL, **SHAPE, **conf, **policy, **options)
    without = measure("x", encoder_class(name)(80, **SMALL, **SHAPE, **options))
    size = measure("x", encoder)
    assert size.private == sum(number for _, number in parts.values())
    assert size.layers == without.layers + size.private and without.private == 0
    assert size.encoder == without.encoder + size.private
    assert (size.unique_blocks, size.executed_blocks) == (4, 8)
    assert size == measure_state_dict("x", weights_of(encoder), encoder.shape)
    assert paper_table([size])[0]["private"] == size.private


def test_buffers_are_no_parameters():
    """Each Conformer layer saves three buffers of a BatchNorm with its weights."""
    encoder = encoder_class("latent_recursive_conformer")(80, **SMALL, **SHAPE)
    buffers = sum(buffer.numel() for key, buffer in encoder.named_buffers() if ".norm." in key)
    assert buffers == 4 * (16 + 16 + 1)
    everything = sum(value.numel() for value in encoder.state_dict().values())
    assert measure("x", encoder).encoder == everything - buffers


def test_loops_cost_no_parameters():
    encoders = [
        encoder_class("latent_recursive_transformer")(80, **SMALL, **SHAPE | {"num_loops": loops})
        for loops in (1, 7)
    ]
    one, seven = (measure("x", encoder) for encoder in encoders)
    assert (one.layers, one.encoder, one.unique_blocks) == (
        seven.layers,
        seven.encoder,
        seven.unique_blocks,
    )
    assert (one.executed_blocks, seven.executed_blocks) == (4, 16)


def test_layers_grow_by_the_layer():
    sizes = [
        measure(
            "x",
            encoder_class("latent_recursive_transformer")(
                80, **SMALL, **SHAPE | {"recurrent_blocks": number}
            ),
        )
        for number in (1, 2, 3)
    ]
    assert sizes[2].layers - sizes[1].layers == sizes[1].layers - sizes[0].layers > 0
    assert len({size.encoder - size.layers for size in sizes}) == 1


@pytest.mark.parametrize("encoder", ["transformer", "conformer", "branchformer", "e_branchformer"])
def test_stock_encoder_is_one_loop_of_all_layers(tmp_path, encoder):
    path = tmp_path / "stock.yaml"
    path.write_text(yaml.safe_dump({"encoder": encoder, "encoder_conf": SMALL | {"num_blocks": 4}}))
    stock = measure_config(path)
    assert (stock.name, str(stock.shape)) == ("stock", "{4, 1, 0, 0}")
    assert stock.unique_blocks == stock.executed_blocks == 4
    # The recursive encoder of the same layers is as large, however often they run.
    conf = SMALL | {"num_blocks": 4, "num_loops": 3}
    path.write_text(
        yaml.safe_dump({"encoder": f"latent_recursive_{encoder}", "encoder_conf": conf})
    )
    recursive = measure_config(path)
    assert (recursive.layers, recursive.encoder) == (stock.layers, stock.encoder)
    assert recursive.executed_blocks == 12


def test_input_size_counts_outside_the_layers(tmp_path):
    sizes = [measure_config(ROWS / "L1.yaml", input_size) for input_size in (40, 80)]
    assert sizes[0].layers == sizes[1].layers
    assert sizes[0].encoder < sizes[1].encoder


def test_config_without_a_known_encoder(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("encoder: transfomer\nencoder_conf: {}\n")
    with pytest.raises(UserError, match=r"x\.yaml: .*'transfomer'.* Did you mean transformer\?"):
        measure_config(path)
    path.write_text("encoder: latent_recursive_transformer\nencoder_conf: {num_loop: 1}\n")
    with pytest.raises(UserError, match=r"x\.yaml: .*num_loop"):
        measure_config(path)


def test_encoder_without_layers_of_one_kind(tmp_path):
    path = tmp_path / "rnn.yaml"
    path.write_text("encoder: rnn\nencoder_conf: {}\n")
    with pytest.raises(UserError, match="rnn"):
        measure_config(path)
