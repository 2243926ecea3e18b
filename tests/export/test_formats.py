"""In every format the block's weights stand once, and the output is close to that of float32."""

import sys
from collections import Counter

import numpy as np
import onnx
import pytest

from espnet_recursive.bin.export import FORMATS
from espnet_recursive.errors import UserError
from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.formats import CONVERSIONS
from espnet_recursive.export.int4 import four_bits
from espnet_recursive.export.metadata import QUANTISATIONS
from espnet_recursive.export.narrow_weights import halved
from tests.export.conftest import build, features, run
from tests.export.test_int8 import BIG, PRIVATE, body_of

NARROW = [name for name in CONVERSIONS if name != "float32"]
#: Each format -> the mean relative difference, at the most, and bytes a weight.
LIMITS = {"float16": (2e-3, 2.0), "int8": (0.05, 1.1), "int4": (0.4, 0.8)}


def test_the_command_knows_them():
    assert (*CONVERSIONS,) == FORMATS and [*QUANTISATIONS] == NARROW == [*LIMITS]


@pytest.mark.parametrize("precision", NARROW)
@pytest.mark.parametrize(
    ("name", "conf"), [("transformer", BIG | PRIVATE), ("conformer", BIG)], ids=lambda x: str(x)[:9]
)
def test_close_to_float32(precision, name, conf):
    encoder = build(name, **conf)
    model = encoder_graph(encoder, 20, loops_as_input=True)
    before = model.SerializeToString(deterministic=True)
    small = CONVERSIONS[precision](model)
    assert model.SerializeToString(deterministic=True) == before
    most, size = LIMITS[precision]
    for lengths, loops in (([48], 3), ([60, 30], 5)):
        inputs = features(lengths) | {"num_loops": loops}
        (x, x_lengths), (y, y_lengths) = run(model, inputs), run(small, inputs)
        assert np.array_equal(x_lengths, y_lengths)
        difference = np.linalg.norm(y - x, axis=-1) / np.linalg.norm(x, axis=-1)
        assert 0 < difference.mean() < most
    # What the file has beside its weights is as large in each format.
    stored = model.ByteSize() - small.ByteSize()
    wide = sum(p.numel() for p in encoder.parameters() if p.numel() >= 1024)
    assert stored > 0.7 * (4 - size) * wide


def test_half_is_of_weights_that_float32_computes_with():
    model = encoder_graph(build("transformer", **BIG), 20)
    small = halved(model)
    assert body_of(small) == body_of(model)
    wide = [t.name for t in small.graph.initializer if t.data_type == onnx.TensorProto.FLOAT16]
    casts = [node for node in small.graph.node if node.input and node.input[0] in wide]
    assert len(casts) == len(wide) > 12 and {node.op_type for node in casts} == {"Cast"}


def test_half_has_a_range():
    model = encoder_graph(build("transformer", **BIG), 20)
    tensor = max(model.graph.initializer, key=lambda t: len(t.raw_data))
    weight = onnx.numpy_helper.to_array(tensor).copy()
    weight.flat[0] = 1e5
    tensor.CopyFrom(onnx.numpy_helper.from_array(weight, tensor.name))
    with pytest.raises(UserError, match=f"{tensor.name} has weights beyond the range of float16"):
        halved(model)


def test_four_bits_in_the_body():
    model = encoder_graph(build("transformer", **BIG), 20)
    small = four_bits(model)
    counts = [Counter(node.op_type for node in body_of(m).node) for m in (model, small)]
    assert counts[0]["MatMul"] == 2 * (6 + 2)  # two of a layer are those of attention
    assert (counts[1]["MatMulNBits"], counts[1]["MatMul"]) == (2 * 6, 2 * 2)
    assert not body_of(small).initializer


def test_what_four_bits_need(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization.matmul_nbits_quantizer", None)
    with pytest.raises(UserError, match="pip install onnx-ir"):
        four_bits(encoder_graph(build("transformer", (1, 1, 0, 0)), 20))
