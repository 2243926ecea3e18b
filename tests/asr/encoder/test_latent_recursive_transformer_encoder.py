"""Of the Transformer alone: the sizes of the paper's tables and ESPnet's own cases."""

from itertools import product

import pytest
import torch

# Row of Tables 1 to 3: {n_r, L, n_p, n_c}, width, parameters of the layers.
SIZES = {
    "B": ((24, 1, 0, 0), 512, 75_657_216),
    "R1": ((12, 2, 0, 0), 512, 37_828_608),
    "R2": ((6, 4, 0, 0), 512, 18_914_304),
    "R3": ((4, 6, 0, 0), 512, 12_609_536),
    "R4": ((1, 24, 0, 0), 512, 3_152_384),
    "L1": ((4, 5, 2, 2), 512, 25_219_072),
    "L2": ((1, 20, 2, 2), 512, 15_761_920),
    "L3": ((20, 5, 2, 2), 512, 75_657_216),
    "loops_1": ((4, 1, 2, 2), 512, 25_219_072),
    "loops_2": ((4, 2, 2, 2), 512, 25_219_072),
    "loops_10": ((4, 10, 2, 2), 512, 25_219_072),
    "loops_20": ((4, 20, 2, 2), 512, 25_219_072),
    "B2": ((12, 1, 0, 0), 256, 15_780_864),
    "L4": ((2, 4, 2, 2), 256, 7_890_432),
}


@pytest.fixture
def transformer(architectures):
    return architectures["transformer"]


@pytest.mark.parametrize(("shape", "width", "parameters"), SIZES.values(), ids=SIZES)
def test_sizes_of_the_paper(transformer, shape, width, parameters):
    with torch.device("meta"):
        encoder = transformer.build(
            shape, input_size=80, output_size=width, attention_heads=4, linear_units=2048
        )
    assert sum(p.numel() for p in encoder.encoders.parameters()) == parameters
    assert f"parameters: {parameters:,} in layers" in repr(encoder)


def test_size_of_the_input_layer(transformer):
    with torch.device("meta"):
        encoder = transformer.build(input_size=80, output_size=512, linear_units=2048)
    assert sum(p.numel() for p in encoder.embed.parameters()) == 7_346_176


INPUT_LAYERS = ("linear", "conv2d", "embed", None)
POSITIONWISE = ("conv1d", "conv1d-linear")
INTERCTC = (([], False), ([1], False), ([1], True))
# As ESPnet's cases call it (its default of 6 layers is ours of L1), as a stock configuration, and
# with a recursion of our own.
TUPLES = {
    "defaults": ((4, 5, 2, 2), {}),
    "num_blocks": ((6, 1, 0, 0), {"num_blocks": 6}),
    "recursion": ((1, 3, 1, 0), None),
}


@pytest.mark.parametrize(("shape", "keys"), TUPLES.values(), ids=TUPLES)
@pytest.mark.parametrize(
    ("input_layer", "positionwise", "interctc"), [*product(INPUT_LAYERS, POSITIONWISE, INTERCTC)]
)
def test_cases_of_espnet(transformer, input_layer, positionwise, interctc, shape, keys):
    conf = {
        "output_size": 40,
        "attention_heads": 4,
        "linear_units": 64,
        "input_layer": input_layer,
        "positionwise_layer_type": positionwise,
        "interctc_layer_idx": interctc[0],
        "interctc_use_conditioning": interctc[1],
    }
    x = torch.randint(0, 10, [2, 10]) if input_layer == "embed" else torch.randn(2, 10, 20)
    transformer.compare_with_stock(shape, conf, x, [10, 8], keys)


def test_input_of_the_right_width_needs_no_input_layer(transformer):
    x = torch.randn(2, 10, 16)
    conf = {"input_size": 16, "input_layer": None}
    assert transformer.build((1, 3, 1, 0), **conf).embed is None
    transformer.compare_with_stock((1, 3, 1, 0), conf, x, [10, 8])


@pytest.mark.parametrize("positions", [[0, 1], [1, 2]])
def test_positions_of_intermediate_ctc_that_espnet_refuses(transformer, positions):
    with pytest.raises(AssertionError):
        transformer.cls(20, num_blocks=2, interctc_layer_idx=positions)


def test_output_size(transformer):
    with torch.device("meta"):
        assert transformer.cls(20, output_size=256).output_size() == 256


def test_unknown_input_layer(transformer):
    with pytest.raises(ValueError):
        transformer.cls(20, input_layer="fff")
