"""Weights of matrix products in 4 bits, by onnxruntime's own operator, MatMulNBits.

Each block of _BLOCK weights of a column has a scale and a zero point. Weights of convolutions are
stored in 8 bits and computed with in float32.
"""

import onnx

from espnet_recursive.errors import UserError
from espnet_recursive.export.narrow_weights import store_convolutions

_BLOCK = 32
#: Activations may be rounded to 8 bits where a processor is faster so.
_ACCURACY_LEVEL = 4


def four_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model in int4.

    Args:
        model: It is not changed.

    Raises:
        UserError: If onnx_ir is not installed, which onnxruntime needs for it.
    """
    try:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    except ImportError as error:
        raise UserError(f"{error}. Install what int4 needs: pip install onnx-ir") from error
    result = onnx.ModelProto()
    result.CopyFrom(model)
    # Shapes that were inferred are of the weights that are replaced.
    del result.graph.value_info[:]
    quantizer = MatMulNBitsQuantizer(result, block_size=_BLOCK, accuracy_level=_ACCURACY_LEVEL)
    quantizer.process()
    result = quantizer.model.model
    store_convolutions(result.graph)
    onnx.checker.check_model(result, full_check=True)
    return result
