"""What onnxruntime makes of an exported encoder is what PyTorch makes of the encoder."""

import numpy as np
import pytest
import torch
from espnet2.asr.ctc import CTC

from espnet_recursive.export.encoder_graph import encoder_graph
from tests.export.conftest import (
    ARCHITECTURES,
    SHAPE,
    assert_same,
    build,
    features,
    run,
    weights_in,
)

#: Batches of lengths: alone, as short as can be, padded, and longer than what was traced.
BATCHES = ([48], [7], [48, 35, 7], [301, 150])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture(name):
    encoder = build(name)
    model = encoder_graph(encoder, 20, loops_as_input=True)
    for lengths, loops in zip(BATCHES, (3, 1, 2, 5), strict=True):
        assert_same(model, encoder, lengths, loops)
    assert [value.name for value in model.graph.input] == ["features", "lengths", "num_loops"]
    # onnxruntime-web and Java refuse an input that has a default.
    assert "num_loops" not in {tensor.name for tensor in model.graph.initializer}


@pytest.mark.parametrize("name", ["transformer", "conformer"])
def test_fewer_frames_than_the_input_layer_takes_get_zeros_behind_them(name):
    encoder = build(name)
    model = encoder_graph(encoder, 20)
    for frames in (1, 6):
        x = features([frames])["features"]
        out = run(model, {"features": x, "lengths": [frames]})
        padded = torch.nn.functional.pad(x, (0, 0, 0, 7 - frames))
        with torch.no_grad():
            expected, lengths, _ = encoder(padded, torch.tensor([7]))
        torch.testing.assert_close(torch.from_numpy(out[0]), expected, rtol=0, atol=1e-5)
        assert out[1] == lengths == 1
        longer = torch.nn.functional.pad(x, (0, 0, 0, 41 - frames))
        together = torch.cat([longer, torch.randn(1, 41, 20)])
        batch = run(model, {"features": together, "lengths": [frames, 41]})
        np.testing.assert_allclose(batch[0][0, :1], out[0][0], rtol=0, atol=1e-5)
        assert batch[1].tolist() == [1, 9]


def test_lengths_that_are_all_shorter_than_the_input():
    encoder = build("transformer")
    model = encoder_graph(encoder, 20)
    inputs = features([48, 30])
    alone = run(model, {"features": inputs["features"][1:, :30], "lengths": [30]})
    padded = run(model, {"features": inputs["features"][1:], "lengths": [30]})
    assert padded[1] == alone[1]
    np.testing.assert_allclose(padded[0][:, : alone[1][0]], alone[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("loops", [None, 1, 4])
def test_a_number_of_loops_that_is_fixed(loops):
    encoder = build("transformer")
    model = encoder_graph(encoder, 20, num_loops=loops)
    assert [value.name for value in model.graph.input] == ["features", "lengths"]
    encoder.set_depth(loops)
    assert_same(model, encoder, [48, 20])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_stock_encoders(name):
    encoder = ARCHITECTURES[name].build_stock(2).eval()
    model = encoder_graph(encoder, 20)
    assert all(node.op_type != "Loop" for node in model.graph.node)
    for lengths in BATCHES:
        assert_same(model, encoder, lengths)


PRIVATE = (
    {"loop_embedding": "learned"},
    {"loop_embedding": "sinusoid"},
    {"loop_film": True},
    {"loop_scale": "inverse"},
    {"loop_scale": "learned"},
    {"loop_norms": True},
    {"input_injection": "add"},
    {"input_injection": "concat", "loop_film": True, "loop_embedding": "learned"},
    {"loop_adapter_conf": {"target_modules": ["linear_q"], "rank": 2}},
    {"loop_adapter_conf": {"target_modules": ["w_1"], "rank": 0, "diagonal": True}},
)


@pytest.mark.parametrize("conf", PRIVATE, ids=str)
def test_private_parts(conf):
    encoder = build("transformer", **conf)
    model = encoder_graph(encoder, 20, loops_as_input=True)
    for loops in (1, 3, 5):  # beyond three, a loop has the parts of the third
        assert_same(model, encoder, [48, 35], loops)


def test_private_parts_of_one_loop():
    encoder = build("conformer", (1, 1, 1, 1), loop_norms=True)
    assert_same(encoder_graph(encoder, 20), encoder, [48, 35])


OPTIONS = (
    *(("transformer", {"input_layer": kind}) for kind in ("linear", "conv1d2", "conv2d8")),
    *(("transformer", {"input_layer": None, "input_size": size}) for size in (16, 20)),
    ("transformer", {"input_channels": 6}),
    ("e_branchformer", {"input_layer": "conv2d8", "input_channels": 6}),
    ("branchformer", {"input_layer": "conv2d_speechbrain"}),
    ("transformer", {"input_layer": "linear", "pos_enc_layer_type": "conv"}),
    ("transformer", {"use_sdpa": True, "normalize_before": False, "concat_after": True}),
    ("transformer", {"interctc_layer_idx": [3]}),
    ("conformer", {"use_sdpa": True, "input_layer": "conv2d6"}),
    ("conformer", {"rel_pos_type": "legacy"}),
    ("conformer", {"pos_enc_layer_type": "scaled_abs_pos", "selfattention_layer_type": "selfattn"}),
    ("branchformer", {"merge_method": "learned_ave", "use_sdpa": True}),
    ("branchformer", {"attention_layer_type": "fast_selfattn", "pos_enc_layer_type": "abs_pos"}),
    ("e_branchformer", {"rel_pos_type": "legacy", "input_layer": "conv1d3"}),
)


@pytest.mark.parametrize(("name", "conf"), OPTIONS, ids=str)
def test_options_of_the_encoders(name, conf):
    size = conf.get("input_size", 20)
    encoder = build(name, **conf)
    model = encoder_graph(encoder, size)
    for lengths in ([48], [60, 15]):
        assert_same(model, encoder, lengths, size=size)


@pytest.mark.parametrize("name", ["transformer", "conformer"])
def test_weights_stand_once(name):
    encoder = build(name)
    parameters = sum(p.numel() for p in encoder.parameters())
    deep, shallow = (encoder_graph(encoder, 20, num_loops=loops) for loops in (9, 2))
    assert deep.ByteSize() == shallow.ByteSize()
    assert parameters <= weights_in(deep.graph) < 1.1 * parameters


def test_ctc():
    encoder, ctc = build("transformer"), CTC(odim=9, encoder_output_size=16)
    inputs = features([48, 35])
    out, lengths, log_probs = run(encoder_graph(encoder, 20, ctc), inputs)
    assert log_probs.shape == (2, 11, 9) and lengths.tolist() == [11, 8]
    expected = ctc.log_softmax(torch.from_numpy(out)).detach()
    torch.testing.assert_close(torch.from_numpy(log_probs), expected, rtol=0, atol=1e-5)


def test_the_encoder_is_left_as_it_was():
    encoder = build("e_branchformer", loop_norms=True)
    inputs = features([48, 35]).values()
    before, names = encoder(*inputs)[0], list(encoder.state_dict())
    encoder_graph(encoder, 20, loops_as_input=True)
    assert torch.equal(encoder(*inputs)[0], before)
    assert list(encoder.state_dict()) == names
    assert all(type(p) is torch.nn.Parameter for p in encoder.parameters())
    assert encoder.shape.num_loops == SHAPE[1]
