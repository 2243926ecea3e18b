"""Encoders made ready for inference compute the same, at every depth."""

import copy
import warnings

import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.recursion.exit_criterion import ExitRule
from espnet_recursive.recursion.layer_call import call_layer
from espnet_recursive.speed import packed_linear
from espnet_recursive.speed.packed_linear import PackedLinear, can_pack
from espnet_recursive.speed.prepared import PRECISIONS, prepare_for_inference
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import PARTS, build, features, outputs

#: The largest difference of states that are normalised, about 1 in size.
CLOSE = {"float32": 1e-5, "bfloat16": 0.15, "int8": 0.25}


@pytest.fixture(autouse=True)
def pack_all(monkeypatch):
    """The layers of these tests are small."""
    monkeypatch.setattr(packed_linear, "_FEW_WEIGHTS", 0)


def pair(name, precision, part="none", **conf):
    torch.manual_seed(0)
    encoder = build(ARCHITECTURES[name], part=part, **conf).float().eval()
    return encoder, prepare_for_inference(copy.deepcopy(encoder), precision)


def compare(plain, prepared, precision, rows=4):
    """Of each utterance alone."""
    x, lengths = features()
    with torch.no_grad():
        for row, length in enumerate(lengths[:rows].tolist()):
            one = x[row : row + 1, :length].float(), lengths[row : row + 1]
            found, expected = outputs(prepared(*one)), outputs(plain(*one))
            assert found[0].dtype is torch.float32
            torch.testing.assert_close(found, expected, rtol=0, atol=CLOSE[precision])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_same_output(name, precision):
    compare(*pair(name, precision), precision)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_small_layers_stay_as_they_are(name, monkeypatch):
    monkeypatch.undo()
    plain, prepared = pair(name, "float32")
    assert not any(type(module) is PackedLinear for module in prepared.modules())
    compare(plain, prepared, "float32", rows=1)


@pytest.mark.parametrize("part", [part for part in PARTS if part != "none"])
def test_private_parts_keep_their_loops(part):
    for name, precision in (("transformer", "float32"), ("branchformer", "bfloat16")):
        compare(*pair(name, precision, part), precision, rows=1)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_stock_encoders_too(name):
    torch.manual_seed(0)
    stock = ARCHITECTURES[name].build_stock(2).eval()
    compare(stock, prepare_for_inference(copy.deepcopy(stock)), "float32", rows=2)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_padded_batches_in_float32(name):
    plain, prepared = pair(name, "float32")
    x, lengths = features()
    with torch.no_grad():
        (found, olens, _), (expected, _, _) = (e(x.float(), lengths) for e in (prepared, plain))
    for row, length in enumerate(olens):
        torch.testing.assert_close(found[row, :length], expected[row, :length], rtol=0, atol=1e-5)


def test_depth_at_inference_is_chosen_as_before():
    plain, prepared = pair("branchformer", "float32")
    for encoder in (plain, prepared):
        encoder.set_depth(num_loops=5, exit_rule=ExitRule("latent", 0.05))
    compare(plain, prepared, "float32")
    assert torch.equal(plain.loops_run, prepared.loops_run)


def test_linear_layers_are_prepared_once_each():
    _, prepared = pair("branchformer", "float32")
    kinds = [type(module) for module in prepared.encoders.modules()]
    if not can_pack(torch.nn.Linear(1, 1)):
        pytest.skip("this torch has no oneDNN")
    # In each of 4 layers: q, k and v together, out, two of cgMLP, the merge, and the positions.
    assert kinds.count(PackedLinear) == 4 * 6
    assert torch.nn.Conv1d not in kinds


def test_preparing_is_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pair("transformer", "int8")


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_layers_are_not_compiled_once_more(precision):
    plain, prepared = pair("transformer", precision, compile=True)
    assert prepared.encoders.layer_call is call_layer
    plain.encoders.layer_call = call_layer
    compare(plain, prepared, precision, rows=1)


def test_refused():
    with pytest.raises(UserError, match="encoder_precision='int4' is none of float32, bfloat16"):
        pair("transformer", "int4")
    with pytest.raises(UserError, match="int8 is for CPUs"):
        prepare_for_inference(ARCHITECTURES["transformer"].build().to("meta"), "int8")
