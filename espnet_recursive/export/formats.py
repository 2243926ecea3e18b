"""Formats of the weights of an exported encoder."""

from collections.abc import Callable

import onnx

from espnet_recursive.export.int4 import four_bits
from espnet_recursive.export.int8 import quantised
from espnet_recursive.export.narrow_weights import halved

Convert = Callable[[onnx.ModelProto], onnx.ModelProto]
#: Each format -> how an encoder in float32 gets it.
CONVERSIONS: dict[str, Convert] = {
    "float32": lambda model: model,
    "float16": halved,
    "int8": quantised,
    "int4": four_bits,
}
