"""Of the Branchformer alone: the sizes of Table 3 and ESPnet's own cases."""

import pytest
import torch

# Row: {n_r, L, n_p, n_c}, parameters of the layers in ESPnet.
SIZES = {"B3": ((24, 1, 0, 0), 102_162_432), "L5": ((4, 5, 2, 2), 34_054_144)}


@pytest.fixture
def branchformer(architectures):
    return architectures["branchformer"]


@pytest.mark.parametrize(("shape", "parameters"), SIZES.values(), ids=SIZES)
def test_sizes_of_the_paper(branchformer, shape, parameters):
    with torch.device("meta"):
        encoder = branchformer.build(
            shape,
            input_size=80,
            output_size=512,
            attention_heads=8,
            cgmlp_linear_units=3072,
            cgmlp_conv_kernel=31,
        )
    assert sum(p.numel() for p in encoder.encoders.parameters()) == parameters
    assert f"parameters: {parameters:,} in layers" in repr(encoder)


def attention(rel_pos_type: str, pos_enc_layer_type: str, attention_layer_type: str) -> dict:
    return {
        "rel_pos_type": rel_pos_type,
        "pos_enc_layer_type": pos_enc_layer_type,
        "attention_layer_type": attention_layer_type,
    }


def merge(merge_method: str, cgmlp_weight, attn_branch_drop_rate) -> dict:
    return {
        "merge_method": merge_method,
        "cgmlp_weight": cgmlp_weight,
        "attn_branch_drop_rate": attn_branch_drop_rate,
    }


FACTORS = [
    [
        {"input_layer": name}
        for name in ("linear", "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "embed")
    ],
    [{"use_linear_after_conv": value} for value in (True, False)],
    [
        attention("legacy", "abs_pos", "selfattn"),
        attention("latest", "rel_pos", "rel_selfattn"),
        attention("legacy", "rel_pos", "rel_selfattn"),
        attention("legacy", "legacy_rel_pos", "legacy_rel_selfattn"),
        attention("legacy", "abs_pos", "fast_selfattn"),
    ],
    [
        merge("concat", 0.5, 0.0),
        merge("learned_ave", 0.5, 0.0),
        merge("learned_ave", 0.5, 0.1),
        merge("learned_ave", 0.5, [0.1, 0.1]),
        merge("fixed_ave", 0.5, 0.0),
        merge("fixed_ave", [0.5, 0.5], 0.0),
        merge("fixed_ave", 0.0, 0.0),
        merge("fixed_ave", 1.0, 0.0),
    ],
    [{"stochastic_depth_rate": rate} for rate in (0.0, 0.1, [0.1, 0.1])],
]
FIXED = {"output_size": 2, "cgmlp_linear_units": 4}


def test_cases_of_espnet(branchformer):
    assert branchformer.compare_grid(FACTORS, FIXED, step=17) == 1680


@pytest.mark.exhaustive
@pytest.mark.parametrize("input_layer", FACTORS[0], ids=lambda option: option["input_layer"])
def test_all_cases_of_espnet(branchformer, input_layer):
    assert branchformer.compare_grid([[input_layer], *FACTORS[1:]], FIXED) == 1680 / 7


REFUSED = [
    ({"rel_pos_type": "dummy"}, ValueError),
    ({"pos_enc_layer_type": "dummy"}, ValueError),
    ({"pos_enc_layer_type": "abc_pos", "attention_layer_type": "dummy"}, ValueError),
    (attention("latest", "legacy_rel_pos", "legacy_rel_sselfattn"), AssertionError),
    (
        {"pos_enc_layer_type": "rel_pos", "attention_layer_type": "legacy_rel_sselfattn"},
        AssertionError,
    ),
    (
        {"pos_enc_layer_type": "legacy_rel_pos", "attention_layer_type": "rel_sselfattn"},
        AssertionError,
    ),
    ({"attention_layer_type": "fast_selfattn", "pos_enc_layer_type": "rel_pos"}, AssertionError),
    # As the three above are meant, without their misspelt names:
    (attention("latest", "legacy_rel_pos", "legacy_rel_selfattn"), AssertionError),
    (attention("latest", "rel_pos", "selfattn"), AssertionError),
    (attention("latest", "abs_pos", "rel_selfattn"), AssertionError),
    (attention("legacy", "abs_pos", "rel_selfattn"), AssertionError),
    (attention("legacy", "rel_pos", "selfattn"), AssertionError),
    ({"input_layer": "fff"}, ValueError),
    ({"merge_method": "fixed_ave", "cgmlp_weight": -1.0}, AssertionError),
    ({"num_blocks": 2, "cgmlp_weight": [0.1, 0.1, 0.1]}, ValueError),
    ({"merge_method": "dummy"}, ValueError),
    ({"use_attn": False, "use_cgmlp": False}, AssertionError),
    ({"num_blocks": 2, "attn_branch_drop_rate": [0.1, 0.1, 0.1]}, ValueError),
    ({"num_blocks": 2, "stochastic_depth_rate": [0.1]}, ValueError),
    ({"num_blocks": 2, "stochastic_depth_rate": [0.1, 0.1, 0.1]}, ValueError),
]


@pytest.mark.parametrize(("conf", "error"), REFUSED, ids=str)
def test_what_espnet_refuses(branchformer, conf, error):
    with pytest.raises(error):
        branchformer.build_stock(**{"num_blocks": 2, **conf})
    with pytest.raises(error):
        branchformer.cls(20, **conf)


def test_output_size(branchformer):
    with torch.device("meta"):
        assert branchformer.cls(20, output_size=256).output_size() == 256


@pytest.mark.parametrize("branch", ["use_attn", "use_cgmlp"])
def test_one_branch_is_enough(branchformer, branch):
    x = torch.randn(2, 32, 20)
    branchformer.compare_with_stock((1, 3, 1, 0), {branch: False}, x, [32, 28])


def test_values_for_each_layer_stand_for_unique_layers(branchformer):
    x = torch.randn(2, 32, 20)
    conf = {
        "merge_method": "fixed_ave",
        "cgmlp_weight": [0.0, 0.3, 1.0],
        "stochastic_depth_rate": [0.0, 0.5, 0.2],
    }
    encoder = branchformer.build((1, 3, 1, 1), **conf)
    assert [layer.cgmlp_weight for layer in encoder.encoders] == [0.0, 0.3, 0.3, 0.3, 1.0]
    branchformer.compare_with_stock((1, 3, 1, 1), conf, x, [32, 28])


def test_has_no_intermediate_ctc_of_its_own(branchformer):
    with pytest.raises(TypeError, match="has no key 'interctc_layer_idx'"):
        branchformer.build((1, 3, 1, 0), interctc_layer_idx=[1])
