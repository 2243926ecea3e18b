"""Encoders with random weights everywhere, and their outputs in onnxruntime beside PyTorch's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch

from espnet_recursive.export.runtime import open_session
from tests.asr.encoder.conftest import ARCHITECTURES, seed  # noqa: F401
from tests.convert.models import randomise

#: {2, 3, 1, 1}: four unique layers, eight executed.
SHAPE = (2, 3, 1, 1)


def build(name: str, shape: Any = SHAPE, **conf: Any) -> Any:
    """A recursive encoder, in evaluation mode, every weight of which is random."""
    encoder = ARCHITECTURES[name].build(shape, **conf)
    randomise(encoder)
    return encoder.eval()


def features(lengths: Sequence[int], size: int = 20) -> dict[str, torch.Tensor]:
    """A batch of random features, with noise in the padding too, and its lengths."""
    return {
        "features": torch.randn(len(lengths), max(lengths), size),
        "lengths": torch.tensor(lengths),
    }


def run(model: onnx.ModelProto, inputs: dict[str, Any]) -> list[np.ndarray]:
    """Run a model in onnxruntime."""
    return open_session(model, 1).run(None, {k: np.asarray(v) for k, v in inputs.items()})


@torch.no_grad()
def assert_same(
    model: onnx.ModelProto,
    encoder: Any,
    lengths: Sequence[int],
    loops: int | None = None,
    size: int = 20,
) -> None:
    """Outputs are those of PyTorch, also in the padding.

    Args:
        model: The exported encoder.
        encoder: The encoder.
        lengths: Those of a batch.
        loops: Given to both, where it is not None.
        size: F, of the features.
    """
    inputs = features(lengths, size)
    if loops is not None:
        encoder.set_depth(loops)
    out, out_lengths, _ = encoder(*inputs.values())
    out = out[0] if isinstance(out, tuple) else out
    there, lengths_there, *_ = run(model, inputs | ({"num_loops": loops} if loops else {}))
    torch.testing.assert_close(torch.from_numpy(there), out, rtol=0, atol=1e-5)
    assert lengths_there.tolist() == out_lengths.tolist()


def weights_in(graph: onnx.GraphProto) -> int:
    """Numbers in the tensors of a graph, with those in the bodies of its nodes."""
    count = sum(int(np.prod(tensor.dims)) for tensor in graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                count += weights_in(attribute.g)
            elif attribute.type == onnx.AttributeProto.TENSOR:
                count += int(np.prod(attribute.t.dims))
    return count
