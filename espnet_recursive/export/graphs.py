"""ONNX graphs: traced by torch, and joined so that the recurrent block is stored once."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from espnet_recursive.export.traced import MARK

#: Operators of this set: LayerNormalization is one since 17.
OPSET = 17
DOMAIN = MARK.partition("::")[0]
#: What `Block` takes, by name. The tracer leaves out what it does not use.
BLOCK_INPUTS = ("iteration", "states", "injected", "masks", "positions")
_PREFIX = "recurrent_block/"
_FRONT = "signal/"


def trace(
    module: torch.nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]],
    custom_opsets: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """Trace a module.

    Args:
        module: In evaluation mode.
        inputs: Its positional arguments by the names that they get.
        outputs: The names that its outputs get.
        dynamic_axes: Axes of inputs and outputs that may be of any size, by their names.
    """
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        file = Path(folder) / "traced.onnx"
        torch.onnx.register_custom_op_symbolic("aten::diag", _diagonal, OPSET)
        # The tracer warns of each comparison of sizes in ESPnet, of which the results are the same
        # for all sizes; and that it is the older of torch's two exporters.
        warnings.simplefilter("ignore")
        # The newer one, torch.export, wants a proof that sizes of subsampled frames agree wherever
        # ESPnet reshapes, and does not find it.
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            file,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=dynamic_axes,
            opset_version=OPSET,
            custom_opsets=custom_opsets,
            dynamo=False,
        )
        return onnx.load(file)


def join(around: onnx.ModelProto, block: onnx.ModelProto) -> onnx.ModelProto:
    """Put the recurrent block into the place of the mark, as the body of a Loop.

    The block's weights become initialisers of the outer graph, which a body sees by their names.

    Args:
        around: The encoder with one mark in it.
        block: The block, with those of BLOCK_INPUTS that it uses, and one output.

    Returns:
        The whole, which whoever runs it cannot run with fewer than one loop.
    """
    graph = around.graph
    (mark,) = (node for node in graph.node if f"{node.domain}::{node.op_type}" == MARK)
    num_loops, states, *others = mark.input
    place = list(graph.node).index(mark)
    guard = _guard(num_loops)
    num_loops = guard[-1].output[0]
    block = onnx.compose.add_prefix(block, _PREFIX)
    used = {value.name.removeprefix(_PREFIX): value for value in block.graph.input}
    (out,) = block.graph.output
    scalars = {"iteration": TensorProto.INT64, "condition": TensorProto.BOOL}
    iteration, condition = (_scalar(*item) for item in scalars.items())
    going_on = _scalar("going_on", TensorProto.BOOL)
    nodes = [helper.make_node("Identity", [condition.name], [going_on.name])]
    outer_names = dict(zip(BLOCK_INPUTS[2:], (states, *others), strict=False))
    for name, outer in outer_names.items():
        if name in used:
            nodes.append(helper.make_node("Identity", [outer], [used[name].name]))
    body = helper.make_graph(
        [*nodes, *block.graph.node],
        "recurrent_block",
        [iteration, condition, used["states"]],
        [going_on, out],
    )
    loop = helper.make_node("Loop", [num_loops, "", states], list(mark.output), "loops", body=body)
    mark.CopyFrom(loop)
    for node in reversed(guard):
        graph.node.insert(place, node)
    graph.initializer.extend(block.graph.initializer)
    kept = [opset for opset in around.opset_import if opset.domain != DOMAIN]
    del around.opset_import[:]
    around.opset_import.extend(kept)
    return around


def in_front(
    front: onnx.ModelProto,
    back: onnx.ModelProto,
    names: Mapping[str, str],
    outputs: Sequence[str],
) -> onnx.ModelProto:
    """One model of two, where the outputs of the first are inputs of the second.

    Args:
        front: The first. Its inputs and outputs keep their names.
        back: The second. It is changed.
        names: New names of values of the second, so that they are those of the first, or others.
        outputs: The outputs that are left of the second.

    Returns:
        The whole, with the inputs that are not given by the first.
    """
    ports = [value.name for value in (*front.graph.input, *front.graph.output)]
    inner = {name: f"{_FRONT}{name}" for name in _values(front.graph) if name not in ports}
    _rename(front.graph, inner)
    for node in front.graph.node:
        node.name = f"{_FRONT}{node.name}"
    _rename(back.graph, names)
    given = {value.name for value in front.graph.output}
    graph = helper.make_graph(
        [*front.graph.node, *back.graph.node],
        "recogniser",
        [*front.graph.input, *(i for i in back.graph.input if i.name not in given)],
        [o for name in outputs for o in back.graph.output if o.name == name],
        [*front.graph.initializer, *back.graph.initializer],
    )
    opsets = {opset.domain: opset for model in (front, back) for opset in model.opset_import}
    return helper.make_model(
        graph,
        opset_imports=list(opsets.values()),
        ir_version=max(front.ir_version, back.ir_version),
    )


def _values(graph: onnx.GraphProto) -> list[str]:
    """The names of the values of a graph without bodies."""
    outputs = [name for node in graph.node for name in node.output]
    return [*outputs, *(tensor.name for tensor in graph.initializer)]


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Rename values of a graph, also where bodies use them."""
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(name, name) for name in ends]
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                _rename(attribute.g, names)


def _guard(num_loops: str) -> list[onnx.NodeProto]:
    """Nodes that hand a number of loops on, and fail where it is below 1.

    ONNX has no assertion, and a Loop of 0 or fewer loops leaves the block out without a word. But
    there is nothing at place -2 of a table of one number; the error names this node.
    """
    constants = {
        "one": np.array(1),
        "none": np.array(0),
        "two": np.array(2),
        "table": np.array([0]),
    }
    names = {name: f"{_PREFIX}guard/{name}" for name in (*constants, "above", "below", "place")}
    nodes = [
        helper.make_node(
            "Constant", [], [names[name]], value=onnx.numpy_helper.from_array(value.astype("int64"))
        )
        for name, value in constants.items()
    ]
    nodes += [
        helper.make_node("Sub", [num_loops, names["one"]], [names["above"]]),
        helper.make_node("Min", [names["above"], names["none"]], [names["below"]]),
        helper.make_node("Mul", [names["below"], names["two"]], [names["place"]]),
        helper.make_node(
            "Gather",
            [names["table"], names["place"]],
            [f"{_PREFIX}guard/nothing"],
            name="num_loops_must_be_1_or_more",
        ),
        helper.make_node("Add", [num_loops, f"{_PREFIX}guard/nothing"], [f"{_PREFIX}guard/loops"]),
    ]
    return nodes


def _diagonal(g: Any, vector: Any, offset: Any) -> Any:
    """torch.diag of a vector, for which the tracer has no operators of its own."""
    column = g.op("Unsqueeze", vector, g.op("Constant", value_t=torch.tensor([1])))
    size = g.op("Shape", vector)
    square = g.op("Expand", column, g.op("Concat", size, size, axis_i=0))
    return g.op("Mul", square, g.op("EyeLike", square))


def _scalar(name: str, kind: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(f"{_PREFIX}{name}", kind, [])


def make_constant(model: onnx.ModelProto, name: str, value: int) -> None:
    """Give a scalar input a value; it is no input any more."""
    graph = model.graph
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(value), name))
    others = [i for i in graph.input if i.name != name]
    del graph.input[:]
    graph.input.extend(others)


def checked(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the shapes of all its values, checked by ONNX's own rules."""
    model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    return model
