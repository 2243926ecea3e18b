"""Dynamic quantisation: 8-bit weights, dynamically quantised activations.

Matrix products with a weight are computed in 8 bits, also those of the recurrent block, whose
weights still stand once. Weights of convolutions are stored in 8 bits and computed with in float32.

Weights of matrix products are unsigned, with a zero point for each column. Signed ones overflow in
x86 processors without VNNI instructions: L1 was then further off by an order of magnitude, at the
same speed.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from espnet_recursive.export.narrow_weights import store_convolutions


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
    store_convolutions(result.graph)
    onnx.checker.check_model(result, full_check=True)
    return result
