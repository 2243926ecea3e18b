"""Dynamic quantisation: 8-bit weights, dynamically quantised activations.

Matrix products with a weight are computed in 8 bits, also those of the recurrent block, whose
weights still stand once. Weights of convolutions are stored in 8 bits and computed with in float32.

Weights of matrix products are unsigned, with a zero point for each column. Signed ones overflow in
x86 processors without VNNI instructions: L1 was then further off by an order of magnitude, at the
same speed.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

#: A convolution of fewer weights than that is not worth a node of its own.
_FEW = 1024


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model in int8.

    Args:
        model: With the shapes of its values, those of bodies included; it is not changed.
    """
    prepared = onnx.ModelProto()
    prepared.CopyFrom(model)
    add_pre_process_metadata(prepared)  # shapes are there, and torch has folded the constants
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        quantize_dynamic(
            prepared,
            file,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QUInt8,
            extra_options={"EnableSubgraph": True},
        )
        result = onnx.load(file)
    del result.metadata_props[:]
    _store_convolutions(result.graph)
    onnx.checker.check_model(result, full_check=True)
    return result


def _store_convolutions(graph: onnx.GraphProto) -> None:
    """Store the weights of convolutions in int8, one scale an output channel.

    They become float32 once in a run: in the outer graph, also where the body of a loop uses them.
    """
    wanted = _convolution_weights(graph)
    kept: list[onnx.TensorProto] = []
    for tensor in graph.initializer:
        if tensor.name not in wanted or np.prod(tensor.dims) < _FEW:
            kept.append(tensor)
            continue
        weight = numpy_helper.to_array(tensor)
        largest = np.abs(weight).max(axis=tuple(range(1, weight.ndim)))
        scale = (np.maximum(largest, np.finfo(np.float32).tiny) / 127).astype(np.float32)
        steps = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8)
        names = [f"{tensor.name}_int8", f"{tensor.name}_scale"]
        kept += map(numpy_helper.from_array, (steps, scale), names)
        node = helper.make_node("DequantizeLinear", names, [tensor.name], axis=0)
        graph.node.insert(0, node)
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _convolution_weights(graph: onnx.GraphProto) -> set[str]:
    names = set()
    for node in graph.node:
        if node.op_type == "Conv":
            names.add(node.input[1])
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                names |= _convolution_weights(attribute.g)
    return names
