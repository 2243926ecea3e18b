"""Weights that are stored in fewer bits than they are computed with.

They become float32 when the file is opened: in the outer graph, also where the body of a loop uses
them.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espnet_recursive.errors import UserError

#: Fewer weights than that are not worth a node of their own.
FEW = 1024


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with its weights in float16, which computes in float32.

    Converters that have a graph compute in float16 itself, such as onnxconverter-common's, break
    the body of a Loop; and processors, for which these files are, mostly have no such kernels.

    Args:
        model: It is not changed.

    Raises:
        UserError: If a weight is beyond the range of float16.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    kept: list[onnx.TensorProto] = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < FEW:
            kept.append(tensor)
            continue
        with np.errstate(over="ignore"):
            half = numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(half).all():
            raise UserError(
                f"{tensor.name} has weights beyond the range of float16, 65504: take --format "
                "float32 or int8, and see why they grew"
            )
        kept.append(numpy_helper.from_array(half, f"{tensor.name}_float16"))
        node = helper.make_node("Cast", [kept[-1].name], [tensor.name], to=TensorProto.FLOAT)
        graph.node.insert(0, node)
    del graph.initializer[:]
    graph.initializer.extend(kept)
    onnx.checker.check_model(result, full_check=True)
    return result


def store_convolutions(graph: onnx.GraphProto) -> None:
    """Store the weights of convolutions in int8, one scale an output channel."""
    wanted = _convolution_weights(graph)
    kept: list[onnx.TensorProto] = []
    for tensor in graph.initializer:
        if tensor.name not in wanted or np.prod(tensor.dims) < FEW:
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
