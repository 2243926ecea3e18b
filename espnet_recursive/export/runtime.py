"""An exported encoder in onnxruntime, which can replace the original one."""

import copy
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from espnet_recursive.errors import UserError


def open_session(
    model: onnx.ModelProto | str, threads: int | None = None
) -> onnxruntime.InferenceSession:
    """Open a model for the CPU.

    Args:
        model: The model, or the name of its file.
        threads: Threads of a matrix product; as many as there are cores by default.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # or it warns of each node that it folds away
    if threads is not None:
        options.intra_op_num_threads = threads
    source = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


class OnnxEncoder(torch.nn.Module):
    """An exported encoder, called as ESPnet calls an encoder.

    Args:
        model: The model, or the name of its file.
    """

    def __init__(self, model: onnx.ModelProto | str) -> None:
        super().__init__()
        self._session = open_session(model)
        self._default_loops: int | None = None
        if "num_loops" in {port.name for port in self._session.get_inputs()}:
            about = self._session.get_modelmeta().custom_metadata_map
            self._default_loops = int(about["num_loops"])

    def forward(
        self, xs_pad: torch.Tensor, ilens: torch.Tensor, num_loops: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Encode.

        Args:
            xs_pad: (B, T, F) features.
            ilens: (B,) their lengths.
            num_loops: For a file that takes them; None for the default in its metadata.

        Returns:
            (B, T', D), (B,) its lengths, None.

        Raises:
            UserError: If `num_loops` is below 1.
        """
        if num_loops is not None and num_loops < 1:
            raise UserError(f"num_loops {num_loops}: the recurrent block runs 1 time or more")
        inputs = {"features": xs_pad.numpy(), "lengths": ilens.numpy()}
        if (loops := self._default_loops if num_loops is None else num_loops) is not None:
            inputs["num_loops"] = np.array(loops)
        out, lengths = self._session.run(["encoder_out", "encoder_out_lens"], inputs)
        return torch.from_numpy(out), torch.from_numpy(lengths), None


def with_encoder(model: Any, encoder: torch.nn.Module) -> Any:
    """An ESPnet model with another encoder and all else the same; the model is not changed."""
    twin = copy.copy(model)
    twin._modules = {**model._modules, "encoder": encoder}
    return twin
