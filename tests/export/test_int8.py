"""In int8 the block's weights stand once, and its products are integers."""

from collections import Counter

import numpy as np
import onnx

from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.int8 import quantised
from tests.export.conftest import build

PRIVATE = {
    "loop_norms": True,
    "loop_adapter_conf": {"target_modules": ["w_1"], "rank": 2, "diagonal": True},
}
BIG = {"output_size": 64, "linear_units": 256}


def body_of(model: onnx.ModelProto) -> onnx.GraphProto:
    (loop,) = (node for node in model.graph.node if node.op_type == "Loop")
    return onnx.helper.get_node_attr_value(loop, "body")


def test_size_and_operators():
    encoder = build("transformer", **BIG)
    models = [encoder_graph(encoder, 20, num_loops=n) for n in (2, 9)]
    small = [quantised(model) for model in models]
    assert small[0].ByteSize() == small[1].ByteSize()
    counts = [Counter(node.op_type for node in body_of(m).node) for m in (models[0], small[0])]
    # Four projections and two of the feed-forward network in each of two layers, and two products
    # of attention, which have no weights.
    assert counts[0]["MatMul"] == 2 * (6 + 2)
    assert (counts[1]["MatMulInteger"], counts[1]["MatMul"]) == (2 * 6, 2 * 2)
    assert not body_of(small[0]).initializer
    stored = [t for t in small[0].graph.initializer if t.data_type != onnx.TensorProto.FLOAT]
    weights = sum(p.numel() for p in encoder.parameters() if p.dim() > 1)
    # With a zero point for each column; the first convolution is too small to be stored in int8.
    assert 0.99 * weights < sum(np.prod(tensor.dims) for tensor in stored) < 1.05 * weights


def test_convolutions_are_stored_in_int8():
    model = encoder_graph(build("conformer", (1, 3, 1, 0), **BIG), 20)
    kinds = {t.name: t.data_type for t in quantised(model).graph.initializer}
    convolutions = [name for name in kinds if name.endswith(".weight_int8")]
    # The second of the input layer (the first is small), and two pointwise ones a layer.
    assert len(convolutions) == 1 + 2 * 2
    assert {kinds[name] for name in convolutions} == {onnx.TensorProto.INT8}
    assert not any(name.removesuffix("_int8") in kinds for name in convolutions)
