"""Of the Conformer alone: ESPnet's own cases, and what its options mean under recursion."""

import pytest
import torch
from espnet2.asr.ctc import CTC


@pytest.fixture
def conformer(architectures):
    return architectures["conformer"]


def attention(rel_pos_type: str, pos_enc_layer_type: str, selfattention_layer_type: str) -> dict:
    return {
        "rel_pos_type": rel_pos_type,
        "pos_enc_layer_type": pos_enc_layer_type,
        "selfattention_layer_type": selfattention_layer_type,
    }


FACTORS = [
    [
        {"input_layer": name}
        for name in ("linear", "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "embed")
    ],
    [{"positionwise_layer_type": name} for name in ("conv1d", "conv1d-linear")],
    [
        attention("legacy", "abs_pos", "selfattn"),
        attention("latest", "rel_pos", "rel_selfattn"),
        attention("legacy", "rel_pos", "rel_selfattn"),
        attention("legacy", "legacy_rel_pos", "legacy_rel_selfattn"),
    ],
    [
        {"interctc_layer_idx": positions, "interctc_use_conditioning": conditioning}
        for positions, conditioning in (([], False), ([1], False), ([1], True))
    ],
    [{"stochastic_depth_rate": rate} for rate in (0.0, 0.1, [0.1, 0.1])],
]
FIXED = {"output_size": 2, "linear_units": 4}


def test_cases_of_espnet(conformer):
    assert conformer.compare_grid(FACTORS, FIXED, step=5) == 504


@pytest.mark.exhaustive
@pytest.mark.parametrize("input_layer", FACTORS[0], ids=lambda option: option["input_layer"])
def test_all_cases_of_espnet(conformer, input_layer):
    assert conformer.compare_grid([[input_layer], *FACTORS[1:]], FIXED) == 504 / 7


REFUSED = [
    ({"rel_pos_type": "dummy"}, ValueError),
    ({"pos_enc_layer_type": "dummy"}, ValueError),
    ({"pos_enc_layer_type": "abc_pos", "selfattention_layer_type": "dummy"}, ValueError),
    (attention("latest", "legacy_rel_pos", "legacy_rel_sselfattn"), AssertionError),
    (
        {"pos_enc_layer_type": "rel_pos", "selfattention_layer_type": "legacy_rel_sselfattn"},
        AssertionError,
    ),
    (
        {"pos_enc_layer_type": "legacy_rel_pos", "selfattention_layer_type": "rel_sselfattn"},
        AssertionError,
    ),
    # As the three above are meant, without their misspelt names:
    (attention("latest", "legacy_rel_pos", "legacy_rel_selfattn"), AssertionError),
    (attention("latest", "rel_pos", "selfattn"), AssertionError),
    (attention("latest", "abs_pos", "rel_selfattn"), AssertionError),
    ({"num_blocks": 2, "interctc_layer_idx": [0, 1]}, AssertionError),
    ({"num_blocks": 2, "interctc_layer_idx": [1, 2]}, AssertionError),
    ({"input_layer": "fff"}, ValueError),
    ({"num_blocks": 2, "stochastic_depth_rate": [0.1]}, ValueError),
    ({"num_blocks": 2, "stochastic_depth_rate": [0.1, 0.1, 0.1]}, ValueError),
]


@pytest.mark.parametrize(("conf", "error"), REFUSED, ids=str)
def test_what_espnet_refuses(conformer, conf, error):
    with pytest.raises(error):
        conformer.build_stock(**{"num_blocks": 2, **conf})
    with pytest.raises(error):
        conformer.cls(20, **conf)


def test_output_size(conformer):
    with torch.device("meta"):
        assert conformer.cls(20, output_size=256).output_size() == 256


@pytest.mark.parametrize(
    "conf",
    [
        {"macaron_style": True},
        {"use_cnn_module": False},
        {"concat_after": True},
        {"normalize_before": False},
        {"zero_triu": True},
        {"qk_norm": True, **attention("latest", "abs_pos", "selfattn")},
    ],
    ids=str,
)
def test_other_layers(conformer, conf):
    conformer.compare_with_stock((2, 3, 1, 1), conf, torch.randn(2, 32, 20), [32, 28])


def test_a_depth_rate_for_each_layer_stands_for_unique_layers(conformer):
    conf = {"stochastic_depth_rate": [0.0, 0.5, 0.2]}
    encoder = conformer.build((1, 3, 1, 1), **conf)
    rates = [layer.stochastic_depth_rate for layer in encoder.encoders]
    assert rates == [0.0, 0.5, 0.5, 0.5, 0.2]
    conformer.compare_with_stock((1, 3, 1, 1), conf, torch.randn(2, 32, 20), [32, 28])


def test_trimming_by_ctc_at_the_end_of_a_loop(conformer, batch):
    x, lengths = batch
    shape, conf = (1, 3, 1, 1), {"interctc_layer_idx": [2], "ctc_trim": True}
    ours = conformer.build(shape, **conf).eval()
    ctc = CTC(odim=5, encoder_output_size=16)
    with torch.no_grad():  # so that blank wins everywhere, and all but a few frames can go
        ctc.ctc_lo.bias[0] = 20.0
        outs, twin_outs = (
            e(x, lengths, ctc=ctc) for e in (ours, conformer.unroll(ours, shape, **conf))
        )
    assert outs[1].max() < ours(x, lengths)[1].max(), "nothing was trimmed"
    torch.testing.assert_close(outs[0][0], twin_outs[0][0])
    assert torch.equal(outs[1], twin_outs[1])


def test_legacy_positions_depend_on_the_batch_in_espnet_too(conformer, batch):
    """A known property of ESPnet's legacy positions, the Conformer's default; see rel_pos_type."""
    x, lengths = batch
    encoder = conformer.build((1, 3, 1, 0), rel_pos_type="legacy").eval()
    with torch.no_grad():
        together, olens, _ = encoder(x, lengths)
        alone, _, _ = encoder(x[1:, : lengths[1]], lengths[1:])
    assert (together[1, : olens[1]] - alone[0]).abs().max() > 1e-3
