"""Of the E-Branchformer alone: ESPnet's own cases, and what its options mean under recursion."""

import pytest
import torch


@pytest.fixture
def e_branchformer(architectures):
    return architectures["e_branchformer"]


def attention(rel_pos_type: str, pos_enc_layer_type: str, attention_layer_type: str) -> dict:
    return {
        "rel_pos_type": rel_pos_type,
        "pos_enc_layer_type": pos_enc_layer_type,
        "attention_layer_type": attention_layer_type,
    }


FACTORS = [
    [
        {"input_layer": name}
        for name in ("linear", "conv2d", "conv2d2", "conv2d6", "conv2d8", "embed")
    ],
    [{"use_linear_after_conv": value} for value in (True, False)],
    [
        attention("legacy", "abs_pos", "selfattn"),
        attention("latest", "rel_pos", "rel_selfattn"),
        attention("legacy", "rel_pos", "rel_selfattn"),
        attention("legacy", "legacy_rel_pos", "legacy_rel_selfattn"),
        attention("legacy", "abs_pos", "fast_selfattn"),
    ],
    [{"max_pos_emb_len": length} for length in (128, 5000)],
    [{"use_ffn": value} for value in (True, False)],
    [{"macaron_ffn": value} for value in (True, False)],
    [{"linear_units": units} for units in (1024, 2048)],
    [{"merge_conv_kernel": kernel} for kernel in (3, 31)],
    [{"layer_drop_rate": rate} for rate in (0.0, 0.1)],
]
FIXED = {"output_size": 2, "cgmlp_linear_units": 4}


def test_cases_of_espnet(e_branchformer):
    assert e_branchformer.compare_grid(FACTORS, FIXED, step=41) == 3840


@pytest.mark.exhaustive
@pytest.mark.parametrize("input_layer", FACTORS[0], ids=lambda option: option["input_layer"])
def test_all_cases_of_espnet(e_branchformer, input_layer):
    assert e_branchformer.compare_grid([[input_layer], *FACTORS[1:]], FIXED) == 3840 / 6


REFUSED = [
    ({"input_layer": "dummy"}, ValueError),
    ({"rel_pos_type": "dummy"}, ValueError),
    ({"pos_enc_layer_type": "dummy"}, ValueError),
    ({"pos_enc_layer_type": "abc_pos", "attention_layer_type": "dummy"}, ValueError),
    ({"positionwise_layer_type": "dummy"}, ValueError),
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
]


@pytest.mark.parametrize(("conf", "error"), REFUSED, ids=str)
def test_what_espnet_refuses(e_branchformer, conf, error):
    with pytest.raises(error):
        e_branchformer.build_stock(2, **conf)
    with pytest.raises(error):
        e_branchformer.cls(20, **conf)


def test_output_size(e_branchformer):
    with torch.device("meta"):
        assert e_branchformer.cls(20, output_size=256).output_size() == 256


def test_layers_are_dropped_an_execution_at_a_time(e_branchformer):
    """Rate 1 drops every execution; rate 0.5 drops some of a layer's executions and not others."""
    x, lengths = torch.randn(1, 32, 20), torch.tensor([32])
    counts = []
    for rate in (1.0, 0.5):
        encoder = e_branchformer.build((1, 40, 0, 0), layer_drop_rate=rate)
        calls = []
        encoder.encoders.unique_layers[0].register_forward_hook(lambda *_, c=calls: c.append(1))
        encoder(x, lengths)
        counts.append(len(calls))
    assert counts[0] == 0
    assert 8 < counts[1] < 32  # outside by chance: once in ten thousand seeds


def test_max_layer_counts_executed_layers(e_branchformer, batch):
    encoder = e_branchformer.build((2, 3, 1, 1)).eval()
    with torch.no_grad():
        (_, states), _, _ = encoder(*batch, return_all_hs=True)
        for max_layer in (1, 4, 8):
            out, _, _ = encoder(*batch, max_layer=max_layer)
            assert torch.equal(out, encoder.after_norm(states[max_layer - 1]))


def test_checkpointed_executions_have_the_same_gradients(e_branchformer, batch):
    """Position 0 is the input layer and N the N-th executed layer, as for intermediate CTC."""
    x, lengths = batch
    gradients, saved = [], []
    for positions in ([], [0, 2, 3, 5, 8]):
        torch.manual_seed(0)
        encoder = e_branchformer.build((2, 3, 1, 1), gradient_checkpoint_layers=positions)
        torch.manual_seed(1)
        numbers = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, n=numbers: n.append(t.numel()) or t, lambda t: t
        ):
            out, _, _ = encoder(x, lengths)
        out.square().sum().backward()
        gradients.append([p.grad for p in encoder.parameters()])
        saved.append(sum(numbers))
    torch.testing.assert_close(*gradients)
    assert saved[1] < saved[0]


def test_checkpointed_layers_outside_of_the_executed_ones_are_refused(e_branchformer):
    assert e_branchformer.build((1, 3, 1, 0), gradient_checkpoint_layers=[0, 4])
    with pytest.raises(ValueError, match="gradient_checkpoint_layers .* between 0 and 4, not "):
        e_branchformer.build((1, 3, 1, 0), gradient_checkpoint_layers=[5])
